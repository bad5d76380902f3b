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
      // Each thread takes a panel of output features, so a narrow weight is widened once only.
      let panel = Parallel.length(for: columns, shares: 2, multiple: 16)
      Parallel.forEachRange(of: columns, length: panel) { features in
        weight.withFloats(in: features.lowerBound * inner..<features.upperBound * inner) { w in
          guard let w = w.baseAddress else { return }
          multiply(
            rows: rows, columns: features.count, inner: inner, a: from, strideA: inner, b: w,
            strideB: inner, transposeB: true, c: to + features.lowerBound, strideC: columns)
        }
        bias?.withFloats(in: features) { bias in
          for row in 0..<rows {
            let line = to + row * columns + features.lowerBound
            for feature in 0..<features.count { line[feature] += bias[feature] }
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
