/// `C = alpha * op(A) * op(B) + beta * C` on row-major float matrices, on the calling thread.
///
/// - Parameters:
///   - rows, columns, inner: the sizes: C is `[rows, columns]`, op(A) is `[rows, inner]`.
///   - strideA, strideB, strideC: the distances between the starts of stored rows.
package func multiply(
  rows: Int, columns: Int, inner: Int, alpha: Float = 1,
  a: UnsafePointer<Float>, strideA: Int, transposeA: Bool = false,
  b: UnsafePointer<Float>, strideB: Int, transposeB: Bool = false,
  beta: Float = 0, c: UnsafeMutablePointer<Float>, strideC: Int
) {
  typealias Flag = OpenBLAS.Flag
  OpenBLAS.sgemm(
    Flag.rowMajor, transposeA ? Flag.transposed : Flag.plain,
    transposeB ? Flag.transposed : Flag.plain, Int32(rows), Int32(columns), Int32(inner), alpha, a,
    Int32(strideA), b, Int32(strideB), beta, c, Int32(strideC))
}

/// Shares a matrix product out over the threads: the longer side of the result is cut, into
/// stretches that are not so short that copying the other operand would show.
func forEachTile(
  rows: Int, columns: Int, _ body: @Sendable (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
) {
  let long = max(rows, columns)
  let length = max(
    Parallel.length(for: long, shares: 2, multiple: 16),
    min(512, Parallel.length(for: long, shares: 1, multiple: 16)))
  Parallel.forEachRange(of: long, length: length) { range in
    if rows > columns { body(range, 0..<columns) } else { body(0..<rows, range) }
  }
}
