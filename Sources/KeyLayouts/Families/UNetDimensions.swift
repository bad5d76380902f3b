internal import TensorCore

/// The sizes of a Stable Diffusion U-Net, or of a ControlNet's half of one, read from its tensors.
struct UNetDimensions: Sendable, Hashable {
  let component: Component
  let plan: UNetPlan
  let inputChannels: Int
  /// The channels of the predicted noise; 0 in a ControlNet.
  let outputChannels: Int
  /// What is concatenated with the latents; `nil` where no published model takes so many channels.
  var condition: ConcatenatedCondition? {
    component == .controlNet
      ? .nothing
      : ConcatenatedCondition(inputChannels: inputChannels, latentChannels: outputChannels)
  }
  /// The width of the text that is attended to; `nil` when nothing attends.
  let contextWidth: Int?
  /// The width of each level, outermost first.
  let widths: [Int]
  /// Whether `proj_in` and `proj_out` are linear layers and not 1×1 convolutions.
  let hasLinearProjections: Bool
  /// The width of the pooled text and the embedded sizes together.
  let addedWidth: Int?
  /// The width of the embedded guidance scale.
  let guidanceWidth: Int?
  /// The number of classes that are embedded.
  let classCount: Int?
  /// Of each level, whether its first attention looks at the text too and not at the picture.
  let attendsToTextOnly: [Bool]

  init(component: Component, plan: UNetPlan, measures: Measures) throws(LayoutError) {
    self.component = component
    self.plan = plan
    let prefix = component.prefix
    inputChannels = try measures.extent(1, of: prefix + "conv_in.weight")
    outputChannels = plan.up.isEmpty ? 0 : try measures.extent(0, of: prefix + "conv_out.weight")
    if let attention = plan.firstAttention {
      let place = prefix + attention
      contextWidth = try measures.extent(
        1, of: place + ".transformer_blocks.0.attn2.to_k.weight")
      let rank =
        measures.rank(of: place + ".proj_in.weight")
        ?? measures.rank(of: place + ".proj_out.weight")
      hasLinearProjections = rank == 2
    } else {
      contextWidth = nil
      hasLinearProjections = false
    }
    var widths: [Int] = []
    for level in 0..<plan.levels {
      widths.append(
        try measures.extent(0, of: "\(prefix)down_blocks.\(level).resnets.0.conv1.weight"))
    }
    self.widths = widths
    addedWidth =
      plan.hasAddedConditions
      ? try measures.extent(1, of: prefix + "add_embedding.linear_1.weight") : nil
    guidanceWidth =
      plan.hasGuidanceCondition
      ? try measures.extent(1, of: prefix + "time_embedding.cond_proj.weight") : nil
    classCount =
      plan.hasClassCondition
      ? try measures.extent(0, of: prefix + "class_embedding.weight") : nil
    let context = contextWidth
    // Where both are of one width, nothing tells them apart.
    attendsToTextOnly = widths.enumerated().map { level, width in
      guard let context, context != width else { return false }
      return plan.attentions(ofLevel: level).contains {
        measures.last(of: "\(prefix)\($0).transformer_blocks.0.attn1.to_k.weight") == context
      }
    }
  }

  /// `attendsToTextOnly` as a list of flags; `null` for a level of which tensors do not tell: it
  /// attends to nothing, or text and picture are of one width.
  var textOnlyLevels: [JSON] {
    widths.enumerated().map { level, width in
      plan.attentions(ofLevel: level).isEmpty || contextWidth == width
        ? .null : .bool(attendsToTextOnly[level])
    }
  }

  /// Every tensor the U-Net must have. Skip connections are followed as the forward pass does.
  var expected: [(name: String, shape: TensorShape)] {
    var shapes = Shapes(prefix: component.prefix)
    let time = 4 * widths[0]
    shapes.module("time_embedding.linear_1", [time, widths[0]])
    shapes.module("time_embedding.linear_2", [time, time])
    if let guidanceWidth {
      shapes.module("time_embedding.cond_proj", [widths[0], guidanceWidth], hasBias: false)
    }
    if let addedWidth {
      shapes.module("add_embedding.linear_1", [time, addedWidth])
      shapes.module("add_embedding.linear_2", [time, time])
    }
    if let classCount {
      shapes.module("class_embedding", [classCount, time], hasBias: false)
    }
    shapes.module("conv_in", [widths[0], inputChannels, 3, 3])
    var skips = down(&shapes, time)
    middle(&shapes, time)
    if !plan.up.isEmpty {
      up(&shapes, time, &skips)
      shapes.module("conv_norm_out", [widths[0]])
      shapes.module("conv_out", [outputChannels, widths[0], 3, 3])
    }
    return shapes.list
  }

  /// The widths of what the way down leaves for the way up, in that order.
  var skipWidths: [Int] {
    var shapes = Shapes(prefix: "")
    return down(&shapes, 0)
  }

  private func down(_ shapes: inout Shapes, _ time: Int) -> [Int] {
    var channels = widths[0]
    var skips = [channels]
    for (level, width) in widths.enumerated() {
      for layer in 0..<plan.layers[level] {
        shapes.resnet(
          "down_blocks.\(level).resnets.\(layer)", from: channels, to: width, time: time)
        transformer(
          "down_blocks.\(level).attentions.\(layer)", width, plan.down[level][layer], &shapes,
          isTextOnly: attendsToTextOnly[level])
        channels = width
        skips.append(channels)
      }
      if level < widths.count - 1 {
        shapes.module("down_blocks.\(level).downsamplers.0.conv", [width, width, 3, 3])
        skips.append(channels)
      }
    }
    return skips
  }

  private func middle(_ shapes: inout Shapes, _ time: Int) {
    let width = widths[widths.count - 1]
    guard plan.middle != .none else { return }
    shapes.resnet("mid_block.resnets.0", from: width, to: width, time: time)
    if case .attention(let depth) = plan.middle {
      // Without a transformer block it is no attention: one is missed then.
      transformer("mid_block.attentions.0", width, max(depth, 1), &shapes)
      shapes.resnet("mid_block.resnets.1", from: width, to: width, time: time)
    }
  }

  private func up(_ shapes: inout Shapes, _ time: Int, _ skips: inout [Int]) {
    var channels = widths[widths.count - 1]
    for (block, width) in widths.reversed().enumerated() {
      let level = widths.count - 1 - block
      for layer in 0...plan.layers[level] {
        let input = channels + (skips.popLast() ?? 0)
        shapes.resnet("up_blocks.\(block).resnets.\(layer)", from: input, to: width, time: time)
        transformer(
          "up_blocks.\(block).attentions.\(layer)", width, plan.up[block][layer], &shapes,
          isTextOnly: attendsToTextOnly[level])
        channels = width
      }
      if block < widths.count - 1 {
        shapes.module("up_blocks.\(block).upsamplers.0.conv", [width, width, 3, 3])
      }
    }
  }

  private func transformer(
    _ name: String, _ width: Int, _ depth: Int, _ shapes: inout Shapes, isTextOnly: Bool = false
  ) {
    guard depth > 0 else { return }
    let text = contextWidth ?? width
    let projection = hasLinearProjections ? [width, width] : [width, width, 1, 1]
    shapes.module("\(name).norm", [width])
    shapes.module("\(name).proj_in", projection)
    for place in 0..<depth {
      let block = "\(name).transformer_blocks.\(place)"
      for norm in 1...3 { shapes.module("\(block).norm\(norm)", [width]) }
      for (attention, context) in [("attn1", isTextOnly ? text : width), ("attn2", text)] {
        shapes.module("\(block).\(attention).to_q", [width, width], hasBias: false)
        shapes.module("\(block).\(attention).to_k", [width, context], hasBias: false)
        shapes.module("\(block).\(attention).to_v", [width, context], hasBias: false)
        shapes.module("\(block).\(attention).to_out.0", [width, width])
      }
      shapes.module("\(block).ff.net.0.proj", [8 * width, width])
      shapes.module("\(block).ff.net.2", [width, 4 * width])
    }
    shapes.module("\(name).proj_out", projection)
  }
}

extension UNetPlan {
  /// The modules of attention of a level, on the way down and on the way up.
  fileprivate func attentions(ofLevel level: Int) -> [String] {
    let block = levels - 1 - level
    func modules(_ depths: [Int], _ side: String) -> [String] {
      depths.indices.filter { depths[$0] > 0 }.map { "\(side).attentions.\($0)" }
    }
    return modules(down[level], "down_blocks.\(level)")
      + (up.isEmpty ? [] : modules(up[block], "up_blocks.\(block)"))
  }

  /// The first module of attention: the middle's, or else the first on the way down or up.
  fileprivate var firstAttention: String? {
    if case .attention = middle { return "mid_block.attentions.0" }
    for (blocks, side) in [(down, "down_blocks"), (up, "up_blocks")] {
      for (block, depths) in blocks.enumerated() {
        if let layer = depths.firstIndex(where: { $0 > 0 }) {
          return "\(side).\(block).attentions.\(layer)"
        }
      }
    }
    return nil
  }
}
