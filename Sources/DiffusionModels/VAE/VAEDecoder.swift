internal import KeyLayouts
internal import Numerics

/// From latents to pictures.
struct VAEDecoder: Sendable {
  private let convolutionIn: Convolution
  private let middle: VAEMiddle
  private let levels: [(blocks: [ResidualBlock], upsampler: Convolution?)]
  private let normOut: GroupNorm
  private let convolutionOut: Convolution

  init(_ weights: WeightLoader, _ configuration: AutoencoderConfiguration) throws {
    let channels = Array(configuration.blockChannels.reversed())
    convolutionIn = try Convolution(
      weights["conv_in"], inputs: configuration.latentChannels, outputs: channels[0])
    middle = try VAEMiddle(weights["mid_block"], channels: channels[0], configuration)
    levels = try channels.indices.map { level in
      let module = weights["up_blocks.\(level)"]
      let outputs = channels[level]
      let blocks = try (0...configuration.layersPerBlock).map { layer in
        try ResidualBlock(
          module["resnets.\(layer)"],
          inputs: layer == 0 ? channels[max(level - 1, 0)] : outputs, outputs: outputs,
          timeWidth: nil, groups: configuration.normGroups, epsilon: VAEMiddle.epsilon)
      }
      let upsampler =
        level == channels.count - 1
        ? nil
        : try Convolution(module["upsamplers.0.conv"], inputs: outputs, outputs: outputs)
      return (blocks, upsampler)
    }
    let outer = channels[channels.count - 1]
    normOut = try GroupNorm(
      weights["conv_norm_out"], channels: outer, groups: configuration.normGroups,
      epsilon: VAEMiddle.epsilon)
    convolutionOut = try Convolution(
      weights["conv_out"], inputs: outer, outputs: configuration.pictureChannels)
  }

  func callAsFunction(_ latents: Tensor, trace: Trace?) -> Tensor {
    var hidden = convolutionIn(latents)
    trace?("decoder.conv_in", hidden)
    hidden = middle(hidden, module: "decoder.mid_block", trace: trace)
    for (index, level) in levels.enumerated() {
      let module = "decoder.up_blocks.\(index)"
      for (layer, block) in level.blocks.enumerated() {
        hidden = block(hidden)
        trace?("\(module).resnets.\(layer)", hidden)
      }
      if let upsampler = level.upsampler { hidden = upsampler(upsampleNearest2x(hidden)) }
      trace?(module, hidden)
    }
    return convolutionOut(normOut(hidden, thenSiLU: true))
  }
}
