internal import TensorCore

/// The sizes of a Stable Diffusion 1.x U-Net, read from its tensors.
struct UNetDimensions: Sendable, Hashable {
  let plan: UNetPlan
  let inputChannels: Int
  let outputChannels: Int
  let contextWidth: Int
  /// The width of each level, outermost first.
  let widths: [Int]

  init(plan: UNetPlan, measures: Measures) throws(LayoutError) {
    self.plan = plan
    inputChannels = try measures.extent(1, of: "unet.conv_in.weight")
    outputChannels = try measures.extent(0, of: "unet.conv_out.weight")
    contextWidth = try measures.extent(
      1, of: "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight")
    var widths: [Int] = []
    for level in 0..<plan.levels {
      widths.append(
        try measures.extent(0, of: "unet.down_blocks.\(level).resnets.0.conv1.weight"))
    }
    self.widths = widths
  }

  /// Every tensor the U-Net must have. Skip connections are followed as the forward pass does.
  var expected: [(name: String, shape: TensorShape)] {
    var shapes = Shapes(prefix: "unet.")
    let time = 4 * widths[0]
    shapes.module("time_embedding.linear_1", [time, widths[0]])
    shapes.module("time_embedding.linear_2", [time, time])
    shapes.module("conv_in", [widths[0], inputChannels, 3, 3])
    var channels = widths[0]
    var skips = [channels]
    for (level, width) in widths.enumerated() {
      for layer in 0..<plan.layers {
        shapes.resnet(
          "down_blocks.\(level).resnets.\(layer)", from: channels, to: width, time: time)
        if plan.hasAttention[level] {
          transformer("down_blocks.\(level).attentions.\(layer)", width, &shapes)
        }
        channels = width
        skips.append(channels)
      }
      if level < widths.count - 1 {
        shapes.module("down_blocks.\(level).downsamplers.0.conv", [width, width, 3, 3])
        skips.append(channels)
      }
    }
    shapes.resnet("mid_block.resnets.0", from: channels, to: channels, time: time)
    transformer("mid_block.attentions.0", channels, &shapes)
    shapes.resnet("mid_block.resnets.1", from: channels, to: channels, time: time)
    for (block, width) in widths.reversed().enumerated() {
      for layer in 0...plan.layers {
        let input = channels + (skips.popLast() ?? 0)
        shapes.resnet("up_blocks.\(block).resnets.\(layer)", from: input, to: width, time: time)
        if plan.hasAttention[widths.count - 1 - block] {
          transformer("up_blocks.\(block).attentions.\(layer)", width, &shapes)
        }
        channels = width
      }
      if block < widths.count - 1 {
        shapes.module("up_blocks.\(block).upsamplers.0.conv", [width, width, 3, 3])
      }
    }
    shapes.module("conv_norm_out", [widths[0]])
    shapes.module("conv_out", [outputChannels, widths[0], 3, 3])
    return shapes.list
  }

  private func transformer(_ name: String, _ width: Int, _ shapes: inout Shapes) {
    let block = "\(name).transformer_blocks.0"
    shapes.module("\(name).norm", [width])
    shapes.module("\(name).proj_in", [width, width, 1, 1])
    for norm in 1...3 { shapes.module("\(block).norm\(norm)", [width]) }
    for (attention, context) in [("attn1", width), ("attn2", contextWidth)] {
      shapes.module("\(block).\(attention).to_q", [width, width], hasBias: false)
      shapes.module("\(block).\(attention).to_k", [width, context], hasBias: false)
      shapes.module("\(block).\(attention).to_v", [width, context], hasBias: false)
      shapes.module("\(block).\(attention).to_out.0", [width, width])
    }
    shapes.module("\(block).ff.net.0.proj", [8 * width, width])
    shapes.module("\(block).ff.net.2", [width, 4 * width])
    shapes.module("\(name).proj_out", [width, width, 1, 1])
  }
}
