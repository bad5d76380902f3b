internal import KeyLayouts
internal import Numerics

/// A level on the way down: residual blocks, each with attention where the level has it, then a
/// convolution that halves the picture. Every output is kept for the way up.
struct UNetDownLevel: Sendable {
  private let layers: [UNetLayer]
  private let downsampler: Convolution?

  init(_ weights: WeightLoader, level: Int, _ configuration: UNetConfiguration) throws {
    let channels = configuration.blockChannels
    let outputs = channels[level]
    layers = try (0..<configuration.layersPerBlock[level]).map { layer in
      try UNetLayer(
        weights, layer, inputs: layer == 0 ? channels[max(level - 1, 0)] : outputs, level: level,
        hasAttention: configuration.hasAttention[level], configuration)
    }
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
    for layer in layers {
      hidden = layer(hidden, time, text, module: module, trace: trace)
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
  private let layers: [UNetLayer]
  private let upsampler: Convolution?

  /// - Parameter step: the position on the way up, 0 innermost.
  init(_ weights: WeightLoader, step: Int, _ configuration: UNetConfiguration) throws {
    let channels = configuration.blockChannels
    let level = channels.count - 1 - step
    let outputs = channels[level]
    let previous = channels[min(level + 1, channels.count - 1)]
    let below = channels[max(level - 1, 0)]
    let last = configuration.layersPerBlock[level]
    layers = try (0...last).map { layer in
      // The last of the kept outputs comes from the level above on the way down.
      try UNetLayer(
        weights, layer,
        inputs: (layer == 0 ? previous : outputs) + (layer == last ? below : outputs),
        level: level, hasAttention: configuration.hasAttentionUp[step], configuration)
    }
    upsampler =
      level == 0
      ? nil : try Convolution(weights["upsamplers.0.conv"], inputs: outputs, outputs: outputs)
  }

  func callAsFunction(
    _ x: Tensor, _ time: Tensor, _ text: Tensor, skips: inout [Tensor], module: String,
    trace: Trace?
  ) -> Tensor {
    var hidden = x
    for layer in layers {
      let joined = concatenateChannels(hidden, skips.removeLast())
      hidden = layer(joined, time, text, module: module, trace: trace)
    }
    if let upsampler {
      // Halving rounds up: the kept output that comes next tells the size to go back to.
      let next = skips.last.map { (height: $0.shape[2], width: $0.shape[3]) }
      hidden = upsampler(upsampleNearest2x(hidden, to: next))
      trace?("\(module).upsamplers.0", hidden)
    }
    return hidden
  }
}

/// One layer of a level: a residual block, and attention where the level has it.
private struct UNetLayer: Sendable {
  private let index: Int
  private let block: ResidualBlock
  private let attention: Transformer?

  /// - Parameter weights: the loader of the level, which numbers its blocks and attentions alike.
  init(
    _ weights: WeightLoader, _ index: Int, inputs: Int, level: Int, hasAttention: Bool,
    _ configuration: UNetConfiguration
  ) throws {
    self.index = index
    block = try ResidualBlock(
      weights["resnets.\(index)"], inputs: inputs, outputs: configuration.blockChannels[level],
      configuration)
    attention =
      hasAttention
      ? try Transformer(weights["attentions.\(index)"], level: level, configuration) : nil
  }

  func callAsFunction(
    _ x: Tensor, _ time: Tensor, _ text: Tensor, module: String, trace: Trace?
  ) -> Tensor {
    var hidden = block(x, time: time)
    trace?("\(module).resnets.\(index)", hidden)
    if let attention {
      hidden = attention(hidden, text: text)
      trace?("\(module).attentions.\(index)", hidden)
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
