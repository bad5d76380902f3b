/// The eigenvalues of a small symmetric matrix, as far as to count them.
///
/// The matrix is brought to three diagonals by Householder's reflections, of which Sturm's sequence
/// counts the eigenvalues above a number (Golub and Van Loan, 8.3 and 8.4).
struct SymmetricSpectrum {
  private var diagonal: [Double]
  /// Next to the diagonal: one fewer.
  private var beside: [Double]

  /// Of the inner products of a matrix's rows, or of its columns where those are fewer: the squares
  /// of its singular values.
  init(productsOf matrix: [[Double]]) {
    let width = matrix.first?.count ?? 0
    let vectors =
      matrix.count <= width
      ? matrix : (0..<width).map { column in matrix.map { $0[column] } }
    var products = vectors.flatMap { left in
      vectors.map { right in zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let size = vectors.count
    (diagonal, beside) = Self.tridiagonal(&products, size: size)
  }

  /// How many eigenvalues are greater than a number.
  func count(above value: Double) -> Int {
    var count = 0
    var pivot = 1.0
    for index in diagonal.indices {
      let square = index == 0 ? 0 : beside[index - 1] * beside[index - 1]
      pivot = diagonal[index] - value - (index == 0 ? 0 : square / pivot)
      // A pivot of nothing would divide by it; the smallest push decides nothing.
      if pivot == 0 { pivot = -Double.leastNormalMagnitude }
      if pivot > 0 { count += 1 }
    }
    return count
  }

  /// The greatest eigenvalue, to a part in a thousand; 0 where none is positive.
  var largest: Double {
    var high = 0.0
    for index in diagonal.indices {
      let left = index > 0 ? beside[index - 1].magnitude : 0
      let right = index < beside.count ? beside[index].magnitude : 0
      high = max(high, diagonal[index] + left + right)
    }
    var low = 0.0
    while high - low > 1e-3 * high {
      let middle = (low + high) / 2
      if count(above: middle) > 0 { low = middle } else { high = middle }
    }
    return high
  }

  private static func tridiagonal(
    _ matrix: inout [Double], size: Int
  ) -> (diagonal: [Double], beside: [Double]) {
    guard size > 0 else { return ([], []) }
    var beside = [Double](repeating: 0, count: size - 1)
    for pivot in 0..<max(size - 2, 0) {
      // The reflection that leaves only the first entry of the column below the diagonal.
      let start = pivot + 1
      var reflector = (start..<size).map { matrix[$0 * size + pivot] }
      let norm = reflector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 0 else { continue }
      beside[pivot] = reflector[0] > 0 ? -norm : norm
      reflector[0] -= beside[pivot]
      let square = reflector.reduce(0) { $0 + $1 * $1 }
      guard square > 0 else { continue }
      reflect(&matrix, size, from: start, by: reflector, 2 / square)
    }
    if size > 1 { beside[size - 2] = matrix[(size - 1) * size + size - 2] }
    return ((0..<size).map { matrix[$0 * size + $0] }, beside)
  }

  /// Multiplies the lower right part by a reflection from both sides.
  private static func reflect(
    _ matrix: inout [Double], _ size: Int, from start: Int, by reflector: [Double],
    _ factor: Double
  ) {
    let count = reflector.count
    matrix.withUnsafeMutableBufferPointer { matrix in
      var product = [Double](repeating: 0, count: count)
      for row in 0..<count {
        var sum = 0.0
        for column in 0..<count {
          sum += matrix[(start + row) * size + start + column] * reflector[column]
        }
        product[row] = factor * sum
      }
      let overlap =
        factor / 2 * zip(product, reflector).reduce(0) { $0 + $1.0 * $1.1 }
      for index in 0..<count { product[index] -= overlap * reflector[index] }
      for row in 0..<count {
        for column in 0..<count {
          matrix[(start + row) * size + start + column] -=
            reflector[row] * product[column] + product[row] * reflector[column]
        }
      }
    }
  }
}
