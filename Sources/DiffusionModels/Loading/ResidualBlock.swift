internal import Numerics

/// diffusers' `ResnetBlock2D`, the residual block of U-Net and VAE: norm, SiLU, convolution, twice,
/// with the timestep's embedding added in between where there is one.
struct ResidualBlock: Sendable {
  private let norm1: GroupNorm
  private let convolution1: Convolution
  private let timeProjection: Linear?
  private let norm2: GroupNorm
  private let convolution2: Convolution
  private let shortcut: Convolution?

  init(
    _ weights: WeightLoader, inputs: Int, outputs: Int, timeWidth: Int?, groups: Int,
    epsilon: Float
  ) throws {
    norm1 = try GroupNorm(
      weights["norm1"], channels: inputs, groups: groups, epsilon: epsilon)
    convolution1 = try Convolution(weights["conv1"], inputs: inputs, outputs: outputs)
    timeProjection = try timeWidth.map {
      try Linear(weights["time_emb_proj"], inputs: $0, outputs: outputs)
    }
    norm2 = try GroupNorm(
      weights["norm2"], channels: outputs, groups: groups, epsilon: epsilon)
    convolution2 = try Convolution(weights["conv2"], inputs: outputs, outputs: outputs)
    shortcut =
      inputs == outputs
      ? nil
      : try Convolution(weights["conv_shortcut"], inputs: inputs, outputs: outputs, kernel: 1)
  }

  /// - Parameters:
  ///   - x: `[batch, inputs, height, width]`.
  ///   - time: SiLU of the timestep's embedding, `[batch, timeWidth]`.
  /// - Returns: `[batch, outputs, height, width]`.
  func callAsFunction(_ x: Tensor, time: Tensor? = nil) -> Tensor {
    var hidden = convolution1(norm1(x, thenSiLU: true))
    if let timeProjection, let time {
      addChannelBias(timeProjection(time), to: &hidden)
    }
    norm2.apply(to: &hidden, thenSiLU: true)
    hidden = convolution2(hidden)
    add(shortcut.map { $0(x) } ?? x, to: &hidden)
    return hidden
  }
}
