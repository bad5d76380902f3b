/// `geglu(linear(x))`: the feed-forward's first half in one go, so that the doubled width exists for
/// a tile of the result only.
///
/// - Parameters:
///   - x: `[..., in]`.
///   - weight: `[2 * width, in]`, values before gates.
///   - bias: `[2 * width]`.
/// - Returns: `[..., width]`.
public func linearGEGLU(_ x: Tensor, weight: Weight, bias: Weight) -> Tensor {
  let inner = x.shape[x.shape.count - 1]
  let width = weight.shape[0] / 2
  precondition(
    weight.shape == [2 * width, inner], "linearGEGLU: x \(x.shape), weight \(weight.shape)")
  let rows = x.rows
  return Tensor(shape: x.shape.dropLast() + [width]) { output in
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = (source, target)
      // As in `linear`: panels of values and gates, widened once, 16 MB together.
      let panel = max(16, (2 << 20) / inner / 16 * 16)
      for first in stride(from: 0, to: width, by: panel) {
        let features = first..<min(first + panel, width)
        weight.withRows(features, offset: 0) { values in
          weight.withRows(features, offset: width) { gates in
            nonisolated(unsafe) let (values, gates) = (values, gates)
            forEachTile(rows: rows, columns: features.count) { tileRows, columns in
              let count = tileRows.count * columns.count
              Scratch.withFloats(2 * count) { scratch in
                for (half, weights) in [values, gates].enumerated() {
                  let product = scratch + half * count
                  multiply(
                    rows: tileRows.count, columns: columns.count, inner: inner,
                    a: from + tileRows.lowerBound * inner, strideA: inner,
                    b: weights + columns.lowerBound * inner, strideB: inner, transposeB: true,
                    c: product, strideC: columns.count)
                  let start = half * width + first + columns.lowerBound
                  bias.add(
                    start..<start + columns.count, toRows: tileRows.count, of: product,
                    stride: columns.count)
                }
                for row in 0..<tileRows.count {
                  let line = scratch + row * columns.count
                  VectorKernels.current.geglu(
                    line, line + count,
                    to + (tileRows.lowerBound + row) * width + first + columns.lowerBound,
                    columns.count)
                }
              }
            }
          }
        }
      }
    }
  }
}

extension Weight {
  /// Lends rows of a matrix, `offset` below the ones named, widened on all threads.
  fileprivate func withRows(
    _ rows: Range<Int>, offset: Int, _ body: (UnsafePointer<Float>) -> Void
  ) {
    let inner = shape[1]
    let range = (rows.lowerBound + offset) * inner..<(rows.upperBound + offset) * inner
    withFloats(in: range, onAllThreads: true) { floats in
      if let base = floats.baseAddress { body(base) }
    }
  }
}
