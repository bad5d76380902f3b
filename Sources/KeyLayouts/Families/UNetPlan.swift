/// How a Stable Diffusion 1.x U-Net is laid out: enough to name its modules.
struct UNetPlan: Sendable, Hashable {
  /// The number of resolutions.
  var levels: Int
  /// Residual blocks a level on the way down; one more on the way up.
  var layers: Int
  /// Whether a level, outermost first, has attention.
  var hasAttention: [Bool]

  /// Reads the plan from LDM's names, which number the blocks through all levels.
  init?(ldm names: Names, prefix: String) {
    let blocks = names.count(after: prefix + "input_blocks.")
    guard blocks > 1 else { return nil }
    levels = 1 + (1..<blocks).count { names.contains("\(prefix)input_blocks.\($0).0.op.weight") }
    let (layers, rest) = (blocks - levels).quotientAndRemainder(dividingBy: levels)
    guard rest == 0, layers > 0, Self.isSane(levels, layers) else { return nil }
    self.layers = layers
    hasAttention = (0..<levels).map { level in
      names.hasPrefix("\(prefix)input_blocks.\(1 + level * (layers + 1)).1.")
    }
  }

  /// Reads the plan from diffusers' names.
  init?(diffusers names: Names, prefix: String) {
    levels = names.count(after: prefix + "down_blocks.")
    layers = names.count(after: prefix + "down_blocks.0.resnets.")
    guard levels > 0, layers > 0, Self.isSane(levels, layers) else { return nil }
    hasAttention = (0..<levels).map { names.hasPrefix("\(prefix)down_blocks.\($0).attentions.") }
  }

  /// Far beyond any real model: a few hostile names must not make millions of expected ones.
  static func isSane(_ levels: Int, _ layers: Int) -> Bool { levels <= 16 && layers <= 64 }

  /// LDM's names of the modules and diffusers'.
  var rules: [ModuleRule] {
    var rules = [
      ModuleRule("time_embed.0", "time_embedding.linear_1"),
      ModuleRule("time_embed.2", "time_embedding.linear_2"),
      ModuleRule("input_blocks.0.0", "conv_in"),
      ModuleRule("middle_block.1", "mid_block.attentions.0"),
      ModuleRule("out.0", "conv_norm_out"),
      ModuleRule("out.2", "conv_out"),
    ]
    rules += Self.resnet("middle_block.0", "mid_block.resnets.0")
    rules += Self.resnet("middle_block.2", "mid_block.resnets.1")
    for level in 0..<levels {
      rules += down(level)
      rules += up(level)
    }
    return rules
  }

  /// The modules that diffusers' U-Net consists of.
  static let modules = [
    "conv_in", "time_embedding", "down_blocks", "mid_block", "up_blocks", "conv_norm_out",
    "conv_out",
  ]

  private func down(_ level: Int) -> [ModuleRule] {
    var rules: [ModuleRule] = []
    for layer in 0..<layers {
      let block = "input_blocks.\(1 + level * (layers + 1) + layer)"
      rules += Self.resnet("\(block).0", "down_blocks.\(level).resnets.\(layer)")
      if hasAttention[level] {
        rules.append(ModuleRule("\(block).1", "down_blocks.\(level).attentions.\(layer)"))
      }
    }
    if level < levels - 1 {
      let block = "input_blocks.\((level + 1) * (layers + 1))"
      rules.append(ModuleRule("\(block).0.op", "down_blocks.\(level).downsamplers.0.conv"))
    }
    return rules
  }

  /// Up blocks count from the innermost level.
  private func up(_ block: Int) -> [ModuleRule] {
    let attends = hasAttention[levels - 1 - block]
    var rules: [ModuleRule] = []
    for layer in 0...layers {
      let source = "output_blocks.\(block * (layers + 1) + layer)"
      rules += Self.resnet("\(source).0", "up_blocks.\(block).resnets.\(layer)")
      if attends {
        rules.append(ModuleRule("\(source).1", "up_blocks.\(block).attentions.\(layer)"))
      }
    }
    if block < levels - 1 {
      let source = "output_blocks.\(block * (layers + 1) + layers).\(attends ? 2 : 1).conv"
      rules.append(ModuleRule(source, "up_blocks.\(block).upsamplers.0.conv"))
    }
    return rules
  }

  private static func resnet(_ source: String, _ target: String) -> [ModuleRule] {
    [
      ("in_layers.0", "norm1"), ("in_layers.2", "conv1"), ("emb_layers.1", "time_emb_proj"),
      ("out_layers.0", "norm2"), ("out_layers.3", "conv2"), ("skip_connection", "conv_shortcut"),
    ].map { ModuleRule("\(source).\($0.0)", "\(target).\($0.1)") }
  }
}
