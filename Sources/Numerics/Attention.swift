/// Scaled dot-product attention over several heads, as
/// `torch.nn.functional.scaled_dot_product_attention`.
///
/// Works on blocks of queries and keys and keeps a running maximum and sum of each query's softmax
/// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018), so that scores fill
/// no more than half a megabyte a thread. A row's weights are normalised behind the product with the
/// values: torch does the same.
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
  let block = min(queries, 256)
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
            let queryOffset = (picture * queries + first) * features + head * width
            let keyOffset = picture * keys * features + head * width
            AttentionBlock(
              query: q + queryOffset, key: k + keyOffset, value: v + keyOffset,
              output: out + queryOffset, queries: first..<min(first + block, queries),
              keys: keys, width: width, stride: features, scale: scale, isCausal: isCausal
            ).run()
          }
        }
      }
    }
  }
}

/// The attention of one head's block of queries to all keys.
private struct AttentionBlock {
  /// The first query, key, value and result; rows lie `stride` apart.
  let query, key, value: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  /// The positions of the queries, which a causal mask compares with those of the keys.
  let queries: Range<Int>
  let keys, width, stride: Int
  let scale: Float
  let isCausal: Bool

  func run() {
    let rows = queries.count
    let seenKeys = isCausal ? min(queries.upperBound, keys) : keys
    let step = min(seenKeys, 512)
    Scratch.withFloats(rows * (step + 2)) { scratch in
      let (scores, peaks, sums) = (
        scratch, scratch + rows * step, scratch + rows * (step + 1)
      )
      peaks.initialize(repeating: -.infinity, count: rows)
      sums.initialize(repeating: 0, count: rows)
      for start in Swift.stride(from: 0, to: seenKeys, by: step) {
        let columns = min(step, seenKeys - start)
        multiply(
          rows: rows, columns: columns, inner: width, alpha: scale, a: query, strideA: stride,
          b: key + start * stride, strideB: stride, transposeB: true, c: scores, strideC: step)
        for row in 0..<rows {
          let line = scores + row * step
          let seen =
            isCausal ? max(0, min(queries.lowerBound + row + 1 - start, columns)) : columns
          let factor = VectorKernels.current.softmaxStep(line, seen, peaks + row, sums + row)
          (line + seen).update(repeating: 0, count: columns - seen)
          if start > 0, factor != 1 {
            let result = output + row * stride
            VectorKernels.current.affine(result, result, width, factor, 0)
          }
        }
        multiply(
          rows: rows, columns: width, inner: columns, a: scores, strideA: step,
          b: value + start * stride, strideB: stride, beta: start == 0 ? 0 : 1, c: output,
          strideC: stride)
      }
      for row in 0..<rows {
        let result = output + row * stride
        VectorKernels.current.affine(result, result, width, 1 / sums[row], 0)
      }
    }
  }
}
