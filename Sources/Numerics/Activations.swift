/// `x · sigmoid(x)`, as `torch.nn.functional.silu`.
public func silu(_ x: Tensor) -> Tensor {
  elementwise(x) { VectorKernels.current.affineSiLU($0, $1, $2, 1, 0) }
}

/// `x · sigmoid(1.702 x)`: the "quick" approximation of GELU that OpenAI's CLIP was trained with.
public func quickGELU(_ x: Tensor) -> Tensor {
  elementwise(x) { VectorKernels.current.quickGELU($0, $1, $2) }
}

/// `x · Φ(x)` with the exact normal distribution function, as `torch.nn.functional.gelu`.
public func gelu(_ x: Tensor) -> Tensor {
  elementwise(x) { VectorKernels.current.gelu($0, $1, $2) }
}

/// Splits the last dimension into value and gate and returns value · GELU(gate), as diffusers'
/// `GEGLU` does behind its projection.
///
/// - Parameter x: `[..., 2 * width]`.
/// - Returns: `[..., width]`.
public func geglu(_ x: Tensor) -> Tensor {
  let width = x.shape[x.shape.count - 1] / 2
  let rows = x.rows
  return Tensor(shape: x.shape.dropLast() + [width]) { output in
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = (source, target)
      Parallel.forEachRange(of: rows, length: Parallel.length(for: rows)) { range in
        for row in range {
          let value = from + row * 2 * width
          VectorKernels.current.geglu(value, value + width, to + row * width, width)
        }
      }
    }
  }
}

/// Applies a loop to runs of elements, on all threads.
private func elementwise(
  _ x: Tensor, _ loop: @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
) -> Tensor {
  Tensor(shape: x.shape) { output in
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = (source, target)
      let length = max(Parallel.length(for: x.count, multiple: 16), 4096)
      Parallel.forEachRange(of: x.count, length: length) { range in
        loop(from + range.lowerBound, to + range.lowerBound, range.count)
      }
    }
  }
}
