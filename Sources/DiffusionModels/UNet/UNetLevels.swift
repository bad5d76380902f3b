internal import KeyLayouts
internal import Numerics

/// A level on the way down: residual blocks, each with attention where the level has it, then a
/// convolution that halves the picture. Every output is kept for the way up.
struct UNetDownLevel: Sendable {
  private let blocks: [ResidualBlock]
  private let attentions: [Transformer]
  private let downsampler: Convolution?

  init(_ weights: WeightLoader, level: Int, _ configuration: UNetConfiguration) throws {
    let channels = configuration.blockChannels
    let outputs = channels[level]
    let layers = 0..<configuration.layersPerBlock[level]
    blocks = try layers.map { layer in
      try ResidualBlock(
        weights["resnets.\(layer)"], inputs: layer == 0 ? channels[max(level - 1, 0)] : outputs,
        outputs: outputs, configuration)
    }
    attentions =
      configuration.hasAttention[level]
      ? try layers.map {
        try Transformer(weights["attentions.\($0)"], level: level, configuration)
      } : []
    downsampler =
      level == channels.count - 1
      ? nil
      : try Convolution(
        weights["downsamplers.0.conv"], inputs: outputs, outputs: outputs, stride: 2)
  }

  func callAsFunction(
    _ x: Tensor, _ time: Tensor, _ text: Tensor, skips: inout [Tensor], module: String,
    trace: Trace?
  ) -> Tensor {
    var hidden = x
    for (layer, block) in blocks.enumerated() {
      hidden = block(hidden, time: time)
      trace?("\(module).resnets.\(layer)", hidden)
      if !attentions.isEmpty {
        hidden = attentions[layer](hidden, text: text)
        trace?("\(module).attentions.\(layer)", hidden)
      }
      skips.append(hidden)
    }
    if let downsampler {
      hidden = downsampler(hidden)
      trace?("\(module).downsamplers.0", hidden)
      skips.append(hidden)
    }
    return hidden
  }
}

/// The innermost part: a residual block, attention, a residual block.
struct UNetMiddle: Sendable {
  private let first, second: ResidualBlock
  private let attention: Transformer

  init(_ weights: WeightLoader, _ configuration: UNetConfiguration) throws {
    let level = configuration.blockChannels.count - 1
    let channels = configuration.blockChannels[level]
    first = try ResidualBlock(
      weights["resnets.0"], inputs: channels, outputs: channels, configuration)
    attention = try Transformer(weights["attentions.0"], level: level, configuration)
    second = try ResidualBlock(
      weights["resnets.1"], inputs: channels, outputs: channels, configuration)
  }

  func callAsFunction(_ x: Tensor, _ time: Tensor, _ text: Tensor) -> Tensor {
    second(attention(first(x, time: time), text: text), time: time)
  }
}

/// A level on the way up: residual blocks on the input joined with what the way down kept, then a
/// doubling of the picture.
struct UNetUpLevel: Sendable {
  private let blocks: [ResidualBlock]
  private let attentions: [Transformer]
  private let upsampler: Convolution?

  /// - Parameter step: the position on the way up, 0 innermost.
  init(_ weights: WeightLoader, step: Int, _ configuration: UNetConfiguration) throws {
    let channels = configuration.blockChannels
    let level = channels.count - 1 - step
    let outputs = channels[level]
    let previous = channels[min(level + 1, channels.count - 1)]
    let below = channels[max(level - 1, 0)]
    let last = configuration.layersPerBlock[level]
    blocks = try (0...last).map { layer in
      // The last of the kept outputs comes from the level above on the way down.
      try ResidualBlock(
        weights["resnets.\(layer)"],
        inputs: (layer == 0 ? previous : outputs) + (layer == last ? below : outputs),
        outputs: outputs, configuration)
    }
    attentions =
      configuration.hasAttentionUp[step]
      ? try (0...last).map {
        try Transformer(weights["attentions.\($0)"], level: level, configuration)
      } : []
    upsampler =
      level == 0
      ? nil : try Convolution(weights["upsamplers.0.conv"], inputs: outputs, outputs: outputs)
  }

  func callAsFunction(
    _ x: Tensor, _ time: Tensor, _ text: Tensor, skips: inout [Tensor], module: String,
    trace: Trace?
  ) -> Tensor {
    var hidden = x
    for (layer, block) in blocks.enumerated() {
      hidden = block(concatenateChannels(hidden, skips.removeLast()), time: time)
      trace?("\(module).resnets.\(layer)", hidden)
      if !attentions.isEmpty {
        hidden = attentions[layer](hidden, text: text)
        trace?("\(module).attentions.\(layer)", hidden)
      }
    }
    if let upsampler {
      hidden = upsampler(upsampleNearest2x(hidden))
      trace?("\(module).upsamplers.0", hidden)
    }
    return hidden
  }
}

extension ResidualBlock {
  /// A block of the U-Net.
  fileprivate init(
    _ weights: WeightLoader, inputs: Int, outputs: Int, _ configuration: UNetConfiguration
  ) throws {
    try self.init(
      weights, inputs: inputs, outputs: outputs, timeWidth: configuration.timeWidth,
      groups: configuration.normGroups, epsilon: configuration.normEpsilon)
  }
}

extension Transformer {
  /// The attention of a level.
  fileprivate init(
    _ weights: WeightLoader, level: Int, _ configuration: UNetConfiguration
  ) throws {
    try self.init(
      weights, channels: configuration.blockChannels[level], heads: configuration.heads[level],
      layers: configuration.transformerLayers[level], configuration)
  }
}
