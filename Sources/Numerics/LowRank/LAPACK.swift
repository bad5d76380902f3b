internal import COpenBLAS

/// The routines of LAPACK that low ranks need, on row-major float matrices. Failures trap: with
/// finite values and sizes of our own none of them can fail.
enum LAPACK {
  /// The eigenvalues of a symmetric matrix, smallest first; its rows become the eigenvectors.
  ///
  /// Source: LAPACK's `ssyevd`, divide and conquer.
  static func eigenvectors(of matrix: inout [Float], size: Int) -> [Float] {
    eigen(&matrix, size, job: "V")
  }

  /// The eigenvalues of a symmetric matrix, smallest first. The matrix is overwritten.
  static func eigenvalues(of matrix: inout [Float], size: Int) -> [Float] {
    eigen(&matrix, size, job: "N")
  }

  private static func eigen(_ matrix: inout [Float], _ size: Int, job: String) -> [Float] {
    precondition(matrix.count == size * size, "not a square matrix")
    guard size > 0 else { return [] }
    var values = [Float](repeating: 0, count: size)
    var (order, info) = (Int32(size), Int32(0))
    var work = [Float](repeating: 0, count: 1)
    var integers = [Int32](repeating: 0, count: 1)
    // The first call asks how much room is needed.
    for isQuestion in [true, false] {
      var (room, integerRoom) = (Int32(work.count), Int32(integers.count))
      if isQuestion { (room, integerRoom) = (-1, -1) }
      ssyevd_(
        job, "U", &order, &matrix, &order, &values, &work, &room, &integers, &integerRoom, &info,
        1, 1)
      precondition(info == 0, "ssyevd failed with \(info)")
      if isQuestion {
        work = [Float](repeating: 0, count: Int(work[0].rounded(.up)) + 64)
        integers = [Int32](repeating: 0, count: Int(integers[0]))
      }
    }
    return values
  }

  /// Makes the rows of a matrix `[count, length]` orthonormal, `count` being at most `length`.
  ///
  /// Source: LAPACK's `sgeqrf` and `sorgqr`, Householder reflections.
  static func orthonormalize(_ rows: inout [Float], count: Int, length: Int) {
    precondition(rows.count == count * length && count <= length, "more rows than columns")
    guard count > 0 else { return }
    // What lies row by row here lies column by column there.
    var (m, n, info) = (Int32(length), Int32(count), Int32(0))
    var scales = [Float](repeating: 0, count: count)
    var work = [Float](repeating: 0, count: 64 * count)
    var room = Int32(work.count)
    sgeqrf_(&m, &n, &rows, &m, &scales, &work, &room, &info)
    precondition(info == 0, "sgeqrf failed with \(info)")
    sorgqr_(&m, &n, &n, &rows, &m, &scales, &work, &room, &info)
    precondition(info == 0, "sorgqr failed with \(info)")
  }
}
