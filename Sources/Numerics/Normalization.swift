/// Group normalisation, as `torch.nn.GroupNorm`, with SiLU behind it where the caller wants it.
///
/// Mean and variance are summed in double precision.
///
/// - Parameters:
///   - x: `[batch, channels, ...]`.
///   - weight, bias: `[channels]`.
///   - epsilon: added to the variance.
public func groupNorm(
  _ x: Tensor, groups: Int, weight: Weight, bias: Weight, epsilon: Float, fusedSiLU: Bool = false
) -> Tensor {
  let norm = GroupNormalization(
    x.shape, groups: groups, weight: weight, bias: bias, epsilon: epsilon, fusedSiLU: fusedSiLU)
  return Tensor(shape: x.shape) { output in
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      norm.run(source, target)
    }
  }
}

/// The same in place of its input.
public func groupNorm(
  inPlace x: inout Tensor, groups: Int, weight: Weight, bias: Weight, epsilon: Float,
  fusedSiLU: Bool = false
) {
  let norm = GroupNormalization(
    x.shape, groups: groups, weight: weight, bias: bias, epsilon: epsilon, fusedSiLU: fusedSiLU)
  x.withUnsafeMutableBuffer { x in
    guard let target = x.baseAddress else { return }
    norm.run(target, target)
  }
}

/// What a group normalisation of one shape does to memory.
private struct GroupNormalization: Sendable {
  private let batch, channels, groups, plane: Int
  private let weight, bias: Weight
  private let epsilon: Float
  private let fusedSiLU: Bool

  init(
    _ shape: [Int], groups: Int, weight: Weight, bias: Weight, epsilon: Float, fusedSiLU: Bool
  ) {
    precondition(shape[1] % groups == 0, "\(shape[1]) channels in \(groups) groups")
    (batch, channels) = (shape[0], shape[1])
    plane = shape.dropFirst(2).reduce(1, *)
    self.groups = groups
    self.weight = weight
    self.bias = bias
    self.epsilon = epsilon
    self.fusedSiLU = fusedSiLU
  }

  /// Source and target may be the same.
  func run(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
    let channelsPerGroup = channels / groups
    let kernel = fusedSiLU ? VectorKernels.current.affineSiLU : VectorKernels.current.affine
    weight.withFloats { weight in
      bias.withFloats { bias in
        nonisolated(unsafe) let (from, to, weight, bias) = (source, target, weight, bias)
        Parallel.forEach(batch * groups) { index in
          let start = index * channelsPerGroup * plane
          let moments = Moments(of: from + start, count: channelsPerGroup * plane)
          let factor = moments.inverseDeviation(epsilon)
          for channel in 0..<channelsPerGroup {
            let absolute = index % groups * channelsPerGroup + channel
            let scale = factor * weight[absolute]
            let shift = bias[absolute] - Float(moments.mean) * scale
            let offset = start + channel * plane
            kernel(from + offset, to + offset, plane, scale, shift)
          }
        }
      }
    }
  }
}

/// Layer normalisation over the last dimension, as `torch.nn.LayerNorm`.
///
/// - Parameters:
///   - x: `[..., width]`.
///   - weight, bias: `[width]`.
///   - epsilon: added to the variance.
public func layerNorm(_ x: Tensor, weight: Weight, bias: Weight, epsilon: Float) -> Tensor {
  let width = x.shape[x.shape.count - 1]
  let rows = x.rows
  return Tensor(shape: x.shape) { output in
    x.withUnsafeBuffer { x in
      weight.withFloats { weight in
        bias.withFloats { bias in
          guard let source = x.baseAddress, let target = output.baseAddress else { return }
          nonisolated(unsafe) let (from, to, weight, bias) = (source, target, weight, bias)
          Parallel.forEachRange(of: rows, length: Parallel.length(for: rows)) { range in
            for row in range {
              let moments = Moments(of: from + row * width, count: width)
              let scale = moments.inverseDeviation(epsilon)
              let mean = Float(moments.mean)
              for column in 0..<width {
                let index = row * width + column
                to[index] = (from[index] - mean) * scale * weight[column] + bias[column]
              }
            }
          }
        }
      }
    }
  }
}

/// Mean and population variance.
private struct Moments {
  let mean: Double
  let variance: Double

  init(of values: UnsafePointer<Float>, count: Int) {
    var sums = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      sums += SIMD8<Double>(UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Float>.self))
      index += 8
    }
    var sum = sums.sum()
    for rest in index..<count { sum += Double(values[rest]) }
    let mean = sum / Double(count)
    // A second pass over the cached values: no cancellation between large squares.
    var squares = SIMD8<Double>.zero
    index = 0
    while index + 8 <= count {
      let x = UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Float>.self)
      let distance = SIMD8<Double>(x) - mean
      squares += distance * distance
      index += 8
    }
    var square = squares.sum()
    for rest in index..<count {
      square += (Double(values[rest]) - mean) * (Double(values[rest]) - mean)
    }
    self.mean = mean
    variance = square / Double(count)
  }

  func inverseDeviation(_ epsilon: Float) -> Float {
    Float(1 / (variance + Double(epsilon)).squareRoot())
  }
}
