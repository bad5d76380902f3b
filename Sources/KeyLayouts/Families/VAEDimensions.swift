internal import TensorCore

/// The sizes of a Stable Diffusion autoencoder, read from its tensors.
struct VAEDimensions: Sendable, Hashable {
  let plan: VAEPlan
  let inputChannels: Int
  let outputChannels: Int
  let latentChannels: Int
  /// The width of each level, outermost first.
  let widths: [Int]
  /// Whether the convolutions behind the encoder and in front of the decoder are both there where one
  /// is: nobody has said otherwise.
  private let needsBothConvolutions: Bool

  /// - Parameter stated: the autoencoder's configuration, where one is stated.
  init(plan: VAEPlan, measures: Measures, stated: JSONObject?) throws(LayoutError) {
    self.plan = plan
    let isStated = ["use_quant_conv", "use_post_quant_conv"].contains { stated?[$0] == false }
    needsBothConvolutions = plan.hasQuantConvolution != plan.hasPostQuantConvolution && !isStated
    inputChannels = try measures.extent(1, of: "vae.encoder.conv_in.weight")
    outputChannels = try measures.extent(0, of: "vae.decoder.conv_out.weight")
    latentChannels = try measures.extent(1, of: "vae.decoder.conv_in.weight")
    var widths: [Int] = []
    for level in 0..<plan.levels {
      let name = "vae.encoder.down_blocks.\(level).resnets.0.conv1.weight"
      widths.append(try measures.extent(0, of: name))
    }
    self.widths = widths
  }

  /// Every tensor the autoencoder must have.
  var expected: [(name: String, shape: TensorShape)] {
    var shapes = Shapes(prefix: "vae.")
    let (outer, inner) = (widths[0], widths[widths.count - 1])
    shapes.module("encoder.conv_in", [outer, inputChannels, 3, 3])
    var channels = outer
    for (level, width) in widths.enumerated() {
      for layer in 0..<plan.layers {
        shapes.resnet("encoder.down_blocks.\(level).resnets.\(layer)", from: channels, to: width)
        channels = width
      }
      if level < widths.count - 1 {
        shapes.module("encoder.down_blocks.\(level).downsamplers.0.conv", [width, width, 3, 3])
      }
    }
    middle("encoder", inner, &shapes)
    shapes.module("encoder.conv_norm_out", [inner])
    shapes.module("encoder.conv_out", [2 * latentChannels, inner, 3, 3])
    if plan.hasQuantConvolution || needsBothConvolutions {
      shapes.module("quant_conv", [2 * latentChannels, 2 * latentChannels, 1, 1])
    }
    if plan.hasPostQuantConvolution || needsBothConvolutions {
      shapes.module("post_quant_conv", [latentChannels, latentChannels, 1, 1])
    }
    shapes.module("decoder.conv_in", [inner, latentChannels, 3, 3])
    middle("decoder", inner, &shapes)
    for (block, width) in widths.reversed().enumerated() {
      for layer in 0...plan.layers {
        shapes.resnet("decoder.up_blocks.\(block).resnets.\(layer)", from: channels, to: width)
        channels = width
      }
      if block < widths.count - 1 {
        shapes.module("decoder.up_blocks.\(block).upsamplers.0.conv", [width, width, 3, 3])
      }
    }
    shapes.module("decoder.conv_norm_out", [outer])
    shapes.module("decoder.conv_out", [outputChannels, outer, 3, 3])
    return shapes.list
  }

  private func middle(_ half: String, _ width: Int, _ shapes: inout Shapes) {
    let attention = "\(half).mid_block.attentions.0"
    shapes.resnet("\(half).mid_block.resnets.0", from: width, to: width)
    if plan.hasMiddleAttention {
      shapes.module("\(attention).group_norm", [width])
      for name in ["to_q", "to_k", "to_v", "to_out.0"] {
        shapes.module("\(attention).\(name)", [width, width])
      }
    }
    shapes.resnet("\(half).mid_block.resnets.1", from: width, to: width)
  }
}
