/// Scaled dot-product attention over several heads, as
/// `torch.nn.functional.scaled_dot_product_attention`.
///
/// Works on blocks of queries, so the matrix of all scores never exists.
///
/// - Parameters:
///   - query: `[batch, queries, heads * width]`.
///   - key, value: `[batch, keys, heads * width]`.
///   - isCausal: whether a query sees only the keys up to its own position.
///   - scale: the factor on the scores; 1/√width unless given.
/// - Returns: `[batch, queries, heads * width]`.
public func attention(
  query: Tensor, key: Tensor, value: Tensor, heads: Int, isCausal: Bool = false,
  scale: Float? = nil
) -> Tensor {
  let (batch, queries, features) = (query.shape[0], query.shape[1], query.shape[2])
  let keys = key.shape[1]
  precondition(
    key.shape == value.shape && key.shape[0] == batch && key.shape[2] == features
      && features % heads == 0,
    "attention: query \(query.shape), key \(key.shape), value \(value.shape), \(heads) heads")
  let width = features / heads
  let scale = scale ?? 1 / Float(width).squareRoot()
  // Scores of about 1 MB: they stay in a core's cache between the two products.
  let block = max(1, min(queries, (1 << 18) / keys))
  let blocks = (queries + block - 1) / block
  return Tensor(shape: query.shape) { output in
    query.withUnsafeBuffer { query in
      key.withUnsafeBuffer { key in
        value.withUnsafeBuffer { value in
          guard let query = query.baseAddress, let key = key.baseAddress,
            let value = value.baseAddress, let output = output.baseAddress
          else { return }
          nonisolated(unsafe) let (q, k, v, out) = (query, key, value, output)
          Parallel.forEach(batch * heads * blocks) { task in
            let head = task / blocks % heads
            let picture = task / blocks / heads
            let first = task % blocks * block
            let rows = min(block, queries - first)
            let queryOffset = (picture * queries + first) * features + head * width
            let keyOffset = picture * keys * features + head * width
            let scores = UnsafeMutablePointer<Float>.allocate(capacity: rows * keys)
            defer { scores.deallocate() }
            multiply(
              rows: rows, columns: keys, inner: width, alpha: scale, a: q + queryOffset,
              strideA: features, b: k + keyOffset, strideB: features, transposeB: true,
              c: scores, strideC: keys)
            for row in 0..<rows {
              let seen = isCausal ? min(first + row + 1, keys) : keys
              VectorKernels.current.softmax(scores + row * keys, seen)
              (scores + row * keys + seen).update(repeating: 0, count: keys - seen)
            }
            multiply(
              rows: rows, columns: width, inner: keys, a: scores, strideA: keys,
              b: v + keyOffset, strideB: features, c: out + queryOffset, strideC: features)
          }
        }
      }
    }
  }
}
