internal import KeyLayouts
internal import Numerics

/// From pictures to the channels of mean and log-variance.
struct VAEEncoder: Sendable {
  private let convolutionIn: Convolution
  private let levels: [(blocks: [ResidualBlock], downsampler: Convolution?)]
  private let middle: VAEMiddle
  private let normOut: GroupNorm
  private let convolutionOut: Convolution

  init(_ weights: WeightLoader, _ configuration: AutoencoderConfiguration) throws {
    let channels = configuration.blockChannels
    convolutionIn = try Convolution(
      weights["conv_in"], inputs: configuration.pictureChannels, outputs: channels[0])
    levels = try channels.indices.map { level in
      let module = weights["down_blocks.\(level)"]
      let outputs = channels[level]
      let blocks = try (0..<configuration.layersPerBlock).map { layer in
        try ResidualBlock(
          module["resnets.\(layer)"],
          inputs: layer == 0 ? channels[max(level - 1, 0)] : outputs, outputs: outputs,
          timeWidth: nil, groups: configuration.normGroups, epsilon: VAEMiddle.epsilon)
      }
      // Padded right and below only: that is how the original model was trained.
      let downsampler =
        level == channels.count - 1
        ? nil
        : try Convolution(
          module["downsamplers.0.conv"], inputs: outputs, outputs: outputs, stride: 2,
          padding: Padding(top: 0, bottom: 1, left: 0, right: 1))
      return (blocks, downsampler)
    }
    let inner = channels[channels.count - 1]
    middle = try VAEMiddle(weights["mid_block"], channels: inner, configuration)
    normOut = try GroupNorm(
      weights["conv_norm_out"], channels: inner, groups: configuration.normGroups,
      epsilon: VAEMiddle.epsilon)
    convolutionOut = try Convolution(
      weights["conv_out"], inputs: inner, outputs: 2 * configuration.latentChannels)
  }

  func callAsFunction(_ pictures: Tensor, trace: Trace?) -> Tensor {
    var hidden = convolutionIn(pictures)
    trace?("encoder.conv_in", hidden)
    for (index, level) in levels.enumerated() {
      let module = "encoder.down_blocks.\(index)"
      for (layer, block) in level.blocks.enumerated() {
        hidden = block(hidden)
        trace?("\(module).resnets.\(layer)", hidden)
      }
      if let downsampler = level.downsampler { hidden = downsampler(hidden) }
      trace?(module, hidden)
    }
    hidden = middle(hidden, module: "encoder.mid_block", trace: trace)
    return convolutionOut(normOut(hidden, thenSiLU: true))
  }
}

/// The middle of encoder and decoder: two residual blocks around single-head attention.
struct VAEMiddle: Sendable {
  /// What every norm of the VAE adds to the variance.
  static let epsilon: Float = 1e-6

  private let first, second: ResidualBlock
  private let attention: VAEAttention?

  init(
    _ weights: WeightLoader, channels: Int, _ configuration: AutoencoderConfiguration
  ) throws {
    func block(_ index: Int) throws -> ResidualBlock {
      try ResidualBlock(
        weights["resnets.\(index)"], inputs: channels, outputs: channels, timeWidth: nil,
        groups: configuration.normGroups, epsilon: Self.epsilon)
    }
    first = try block(0)
    second = try block(1)
    attention =
      configuration.hasMiddleAttention
      ? try VAEAttention(
        weights["attentions.0"], channels: channels, groups: configuration.normGroups) : nil
  }

  func callAsFunction(_ x: Tensor, module: String, trace: Trace?) -> Tensor {
    var hidden = first(x)
    trace?("\(module).resnets.0", hidden)
    if let attention {
      hidden = attention(hidden)
      trace?("\(module).attentions.0", hidden)
    }
    hidden = second(hidden)
    trace?(module, hidden)
    return hidden
  }
}

/// Attention of every pixel to every other, with one head and a residual connection.
struct VAEAttention: Sendable {
  private let norm: GroupNorm
  private let query, key, value, output: Linear

  init(_ weights: WeightLoader, channels: Int, groups: Int) throws {
    norm = try GroupNorm(
      weights["group_norm"], channels: channels, groups: groups, epsilon: VAEMiddle.epsilon)
    query = try Linear(weights["to_q"], inputs: channels, outputs: channels)
    key = try Linear(weights["to_k"], inputs: channels, outputs: channels)
    value = try Linear(weights["to_v"], inputs: channels, outputs: channels)
    output = try Linear(weights["to_out.0"], inputs: channels, outputs: channels)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let tokens = nchwToTokens(norm(x))
    let attended = attention(
      query: query(tokens), key: key(tokens), value: value(tokens), heads: 1)
    var result = tokensToNCHW(output(attended), height: x.shape[2], width: x.shape[3])
    add(x, to: &result)
    return result
  }
}
