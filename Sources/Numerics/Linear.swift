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
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = (source, target)
      let multiplyTile: @Sendable (Range<Int>, Range<Int>, UnsafePointer<Float>) -> Void = {
        tileRows, features, weights in
        let start = to + tileRows.lowerBound * columns + features.lowerBound
        multiply(
          rows: tileRows.count, columns: features.count, inner: inner,
          a: from + tileRows.lowerBound * inner, strideA: inner, b: weights, strideB: inner,
          transposeB: true, c: start, strideC: columns)
        bias?.add(features, toRows: tileRows.count, of: start, stride: columns)
      }
      if rows <= 128 {
        // A prompt: each weight is used so few times that widening it shows. Half a megabyte of
        // them stays in a core's cache between that and the product.
        let panel = max(64, (1 << 17) / inner / 16 * 16)
        let even = Parallel.length(for: columns, shares: 1, multiple: 16)
        Parallel.forEachRange(of: columns, length: min(panel, even)) { features in
          let elements = features.lowerBound * inner..<features.upperBound * inner
          weight.withFloats(in: elements) { weights in
            if let base = weights.baseAddress { multiplyTile(0..<rows, features, base) }
          }
        }
        return
      }
      // Panels of at most 16 MB, widened once; then each thread takes a share of the longer side,
      // because a product copies its operands as often as the other one is cut.
      weight.forEachPanel(of: 4 << 20) { features, panel in
        nonisolated(unsafe) let weights = panel
        let first = features.lowerBound
        forEachTile(rows: rows, columns: features.count) { tileRows, part in
          multiplyTile(
            tileRows, first + part.lowerBound..<first + part.upperBound,
            weights + part.lowerBound * inner)
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
