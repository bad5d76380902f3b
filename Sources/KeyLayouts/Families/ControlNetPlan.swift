internal import TensorCore

/// How a ControlNet is laid out: the way down and the middle of a U-Net, an encoder of the picture
/// that controls, and a 1×1 convolution behind each block.
struct ControlNetPlan: Sendable, Hashable {
  let unet: UNetPlan
  /// The convolutions of the control picture's encoder, the first and the last among them.
  let hints: Int

  /// Reads the plan from the original names.
  init?(ldm names: Names, prefix: String) {
    guard let unet = UNetPlan(ldm: names, prefix: prefix, isControlNet: true) else { return nil }
    // Activations stand between the convolutions and have the odd numbers.
    self.init(unet, hints: (names.count(below: prefix + "input_hint_block") + 1) / 2)
  }

  /// Reads the plan from diffusers' names.
  init?(diffusers names: Names, prefix: String) {
    guard let unet = UNetPlan(diffusers: names, prefix: prefix, isControlNet: true) else {
      return nil
    }
    self.init(unet, hints: names.count(below: prefix + "controlnet_cond_embedding.blocks") + 2)
  }

  private init?(_ unet: UNetPlan, hints: Int) {
    guard (2...64).contains(hints) else { return nil }
    self.unet = unet
    self.hints = hints
  }

  /// The number of blocks on the way down, each with a convolution behind it.
  private var outputs: Int { unet.layers.reduce(0) { $0 + $1 + 1 } }

  /// The original names of the modules and diffusers'.
  var rules: [ModuleRule] {
    let embedding = "controlnet_cond_embedding"
    var rules = unet.rules
    rules += (0..<outputs).map {
      ModuleRule("zero_convs.\($0).0", "controlnet_down_blocks.\($0)")
    }
    rules.append(ModuleRule("middle_block_out.0", "controlnet_mid_block"))
    rules.append(ModuleRule("input_hint_block.0", "\(embedding).conv_in"))
    rules += (0..<hints - 2).map {
      ModuleRule("input_hint_block.\(2 * $0 + 2)", "\(embedding).blocks.\($0)")
    }
    rules.append(ModuleRule("input_hint_block.\(2 * hints - 2)", "\(embedding).conv_out"))
    return rules
  }

  /// The modules that diffusers' ControlNet consists of.
  static let modules =
    UNetPlan.modules.filter { !["up_blocks", "conv_norm_out", "conv_out"].contains($0) }
    + ["controlnet_cond_embedding", "controlnet_down_blocks", "controlnet_mid_block"]
}

/// The sizes of a ControlNet, read from its tensors.
struct ControlNetDimensions: Sendable, Hashable {
  let unet: UNetDimensions
  let pictureChannels: Int
  /// The channels behind each convolution of the control picture's encoder but the last.
  let hintWidths: [Int]

  init(plan: ControlNetPlan, measures: Measures) throws(LayoutError) {
    unet = try UNetDimensions(component: .controlNet, plan: plan.unet, measures: measures)
    let embedding = Component.controlNet.prefix + "controlnet_cond_embedding"
    pictureChannels = try measures.extent(1, of: "\(embedding).conv_in.weight")
    var widths = [try measures.extent(0, of: "\(embedding).conv_in.weight")]
    for block in 0..<plan.hints - 2 {
      widths.append(try measures.extent(0, of: "\(embedding).blocks.\(block).weight"))
    }
    hintWidths = widths
  }

  /// diffusers' field for the encoder: each width stands for a convolution that keeps it and, but
  /// for the last, one that leads to the next.
  var embeddingWidths: [Int] {
    stride(from: 0, to: hintWidths.count, by: 2).map { hintWidths[$0] }
  }

  /// Every tensor the ControlNet must have.
  var expected: [(name: String, shape: TensorShape)] {
    var shapes = Shapes(prefix: Component.controlNet.prefix)
    let embedding = "controlnet_cond_embedding"
    shapes.module("\(embedding).conv_in", [hintWidths[0], pictureChannels, 3, 3])
    for (block, (input, output)) in zip(hintWidths, hintWidths.dropFirst()).enumerated() {
      shapes.module("\(embedding).blocks.\(block)", [output, input, 3, 3])
    }
    let outer = unet.widths[0]
    shapes.module("\(embedding).conv_out", [outer, hintWidths[hintWidths.count - 1], 3, 3])
    for (place, width) in unet.skipWidths.enumerated() {
      shapes.module("controlnet_down_blocks.\(place)", [width, width, 1, 1])
    }
    let inner = unet.widths[unet.widths.count - 1]
    shapes.module("controlnet_mid_block", [inner, inner, 1, 1])
    return unet.expected + shapes.list
  }
}
