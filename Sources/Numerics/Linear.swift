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

/// `a + b`, element by element.
public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
  precondition(a.shape == b.shape, "add: \(a.shape) and \(b.shape)")
  return Tensor(shape: a.shape) { output in
    nonisolated(unsafe) let output = output
    a.withUnsafeBuffer { a in
      b.withUnsafeBuffer { b in
        nonisolated(unsafe) let (a, b) = (a, b)
        Parallel.forEachRange(of: a.count, length: max(Parallel.length(for: a.count), 4096)) {
          for index in $0 { output[index] = a[index] + b[index] }
        }
      }
    }
  }
}
