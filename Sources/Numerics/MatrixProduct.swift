internal import COpenBLAS

/// `C = alpha * op(A) * op(B) + beta * C` on row-major float matrices, on the calling thread.
///
/// - Parameters:
///   - rows, columns, inner: the sizes: C is `[rows, columns]`, op(A) is `[rows, inner]`.
///   - strideA, strideB, strideC: the distances between the starts of stored rows.
@inline(__always)
func multiply(
  rows: Int, columns: Int, inner: Int, alpha: Float = 1,
  a: UnsafePointer<Float>, strideA: Int, transposeA: Bool = false,
  b: UnsafePointer<Float>, strideB: Int, transposeB: Bool = false,
  beta: Float = 0, c: UnsafeMutablePointer<Float>, strideC: Int
) {
  cblas_sgemm(
    CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
    blasint(rows), blasint(columns), blasint(inner), alpha, a, blasint(strideA), b,
    blasint(strideB), beta, c, blasint(strideC))
}
