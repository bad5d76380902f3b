/// The routines of LAPACK that low ranks need, on row-major matrices. Failures trap: with finite
/// values and sizes of our own none of them can fail.
enum LAPACK {
  /// A type that LAPACK computes with.
  protocol Number: BinaryFloatingPoint {
    /// LAPACK's `ssyevd` or `dsyevd`: the eigenvalues of a symmetric matrix by divide and conquer,
    /// and for the job `V` its eigenvectors.
    static func syevd(
      _ job: String, _ order: Int32, _ matrix: inout [Self], _ values: inout [Self],
      _ work: inout [Self], _ room: Int32, _ integers: inout [Int32], _ integerRoom: Int32
    ) -> Int32
  }

  /// The eigenvalues of a symmetric matrix, smallest first; its rows become the eigenvectors.
  static func eigenvectors<Value: Number>(of matrix: inout [Value], size: Int) -> [Value] {
    eigen(&matrix, size, job: "V")
  }

  /// The eigenvalues of a symmetric matrix, smallest first. The matrix is overwritten.
  static func eigenvalues<Value: Number>(of matrix: inout [Value], size: Int) -> [Value] {
    eigen(&matrix, size, job: "N")
  }

  private static func eigen<Value: Number>(
    _ matrix: inout [Value], _ size: Int, job: String
  ) -> [Value] {
    precondition(matrix.count == size * size, "not a square matrix")
    guard size > 0 else { return [] }
    var values = [Value](repeating: 0, count: size)
    var work = [Value](repeating: 0, count: 1)
    var integers = [Int32](repeating: 0, count: 1)
    // The first call asks how much room is needed.
    for isQuestion in [true, false] {
      let info = Value.syevd(
        job, Int32(size), &matrix, &values, &work, isQuestion ? -1 : Int32(work.count), &integers,
        isQuestion ? -1 : Int32(integers.count))
      precondition(info == 0, "syevd failed with \(info)")
      if isQuestion {
        work = [Value](repeating: 0, count: Int(work[0].rounded(.up)) + 64)
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
    OpenBLAS.sgeqrf(&m, &n, &rows, &m, &scales, &work, &room, &info)
    precondition(info == 0, "sgeqrf failed with \(info)")
    OpenBLAS.sorgqr(&m, &n, &n, &rows, &m, &scales, &work, &room, &info)
    precondition(info == 0, "sorgqr failed with \(info)")
  }
}

extension Float: LAPACK.Number {
  static func syevd(
    _ job: String, _ order: Int32, _ matrix: inout [Float], _ values: inout [Float],
    _ work: inout [Float], _ room: Int32, _ integers: inout [Int32], _ integerRoom: Int32
  ) -> Int32 {
    var (order, room, integerRoom, info) = (order, room, integerRoom, Int32(0))
    OpenBLAS.ssyevd(
      job, "U", &order, &matrix, &order, &values, &work, &room, &integers, &integerRoom, &info,
      1, 1)
    return info
  }
}

extension Double: LAPACK.Number {
  static func syevd(
    _ job: String, _ order: Int32, _ matrix: inout [Double], _ values: inout [Double],
    _ work: inout [Double], _ room: Int32, _ integers: inout [Int32], _ integerRoom: Int32
  ) -> Int32 {
    var (order, room, integerRoom, info) = (order, room, integerRoom, Int32(0))
    OpenBLAS.dsyevd(
      job, "U", &order, &matrix, &order, &values, &work, &room, &integers, &integerRoom, &info,
      1, 1)
    return info
  }
}
