internal import Foundation

/// `x · sigmoid(x)`, as `torch.nn.functional.silu`.
public func silu(_ x: Tensor) -> Tensor { vectorMap(x, sigmoidLinear) }

/// `x · sigmoid(1.702 x)`: the "quick" approximation of GELU that OpenAI's CLIP was trained with.
public func quickGELU(_ x: Tensor) -> Tensor {
  vectorMap(x) { $0 / (exponential($0 * -1.702) + 1) }
}

/// `x · Φ(x)` with the exact normal distribution function, as `torch.nn.functional.gelu`.
public func gelu(_ x: Tensor) -> Tensor { map(x, exactGELU) }

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
      nonisolated(unsafe) let (x, output) = (x, output)
      Parallel.forEachRange(of: rows, length: Parallel.length(for: rows)) { range in
        for row in range {
          for column in 0..<width {
            let value = x[row * 2 * width + column]
            output[row * width + column] = value * exactGELU(x[(row * 2 + 1) * width + column])
          }
        }
      }
    }
  }
}

@inline(__always)
func sigmoidLinear(_ x: Floats) -> Floats { x / (exponential(-x) + 1) }

/// By the complementary error function: 1 + erf cancels in the negative tail.
@inline(__always)
private func exactGELU(_ x: Float) -> Float {
  x * 0.5 * erfcf(x * -0.707_106_77)
}

@inline(__always)
private func vectorMap(_ x: Tensor, _ function: @Sendable (Floats) -> Floats) -> Tensor {
  Tensor(shape: x.shape) { output in
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = (source, target)
      let length = max(Parallel.length(for: x.count, multiple: 8), 4096)
      Parallel.forEachRange(of: x.count, length: length) { range in
        forEachEight(
          range.count, from: from + range.lowerBound, to: to + range.lowerBound, function)
      }
    }
  }
}
