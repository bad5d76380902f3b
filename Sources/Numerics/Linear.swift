/// `y = x Wᵀ + b`, as `torch.nn.Linear`.
///
/// - Parameters:
///   - x: `[..., in]`.
///   - weight: `[out, in]`; trailing extents of 1 (a 1×1 convolution's) are allowed.
///   - bias: `[out]`, or none.
/// - Returns: `[..., out]`.
public func linear(_ x: Tensor, weight: Weight, bias: Weight? = nil) -> Tensor {
  let inner = x.shape[x.shape.count - 1]
  let columns = weight.shape[0]
  precondition(
    weight.shape.dropFirst().reduce(1, *) == inner, "linear: x \(x.shape), weight \(weight.shape)")
  let rows = x.rows
  return Tensor(shape: x.shape.dropLast() + [columns]) { output in
    nonisolated(unsafe) let output = output
    x.withUnsafeBuffer { x in
      nonisolated(unsafe) let x = x
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = (source, target)
      // Panels of at most 16 MB, widened once; then each thread takes a share of the longer side,
      // because a product copies its operands as often as the other one is cut.
      let panel = max(16, (4 << 20) / inner / 16 * 16)
      for first in stride(from: 0, to: columns, by: panel) {
        let features = first..<min(first + panel, columns)
        let elements = first * inner..<features.upperBound * inner
        weight.withFloats(in: elements, onAllThreads: true) { widened in
          guard let base = widened.baseAddress else { return }
          nonisolated(unsafe) let w = base
          forEachTile(rows: rows, columns: features.count) { tileRows, tileColumns in
            let start = to + tileRows.lowerBound * columns + first + tileColumns.lowerBound
            multiply(
              rows: tileRows.count, columns: tileColumns.count, inner: inner,
              a: from + tileRows.lowerBound * inner, strideA: inner,
              b: w + tileColumns.lowerBound * inner, strideB: inner, transposeB: true,
              c: start, strideC: columns)
            bias?.withFloats(
              in: first + tileColumns.lowerBound..<first + tileColumns.upperBound
            ) { bias in
              for row in 0..<tileRows.count {
                let line = start + row * columns
                for feature in 0..<bias.count { line[feature] += bias[feature] }
              }
            }
          }
        }
      }
    }
  }
}

/// Adds `x` to a tensor of the same shape, element by element.
public func add(_ x: Tensor, to target: inout Tensor) {
  precondition(x.shape == target.shape, "add: \(x.shape) to \(target.shape)")
  x.withUnsafeBuffer { x in
    target.withUnsafeMutableBuffer { target in
      nonisolated(unsafe) let (x, target) = (x, target)
      Parallel.forEachRange(of: x.count, length: max(Parallel.length(for: x.count), 4096)) {
        for index in $0 { target[index] += x[index] }
      }
    }
  }
}
