extension UNetPlan {
  /// LDM's names of the modules and diffusers'.
  var rules: [ModuleRule] {
    var rules = [
      ModuleRule("time_embed.0", "time_embedding.linear_1"),
      ModuleRule("time_embed.2", "time_embedding.linear_2"),
      ModuleRule("time_embed.cond_proj", "time_embedding.cond_proj"),
      ModuleRule("label_emb.0.0", "add_embedding.linear_1"),
      ModuleRule("label_emb.0.2", "add_embedding.linear_2"),
      ModuleRule("label_emb.weight", "class_embedding.weight"),
      ModuleRule("input_blocks.0.0", "conv_in"),
    ]
    if middle != .none { rules += Self.resnet("middle_block.0", "mid_block.resnets.0") }
    if case .attention = middle {
      rules.append(ModuleRule("middle_block.1", "mid_block.attentions.0"))
      rules += Self.resnet("middle_block.2", "mid_block.resnets.1")
    }
    let places = BlockPlaces(layers)
    for level in 0..<levels { rules += down(level, places) }
    for block in up.indices { rules += up(block, places) }
    if !up.isEmpty {
      rules += [ModuleRule("out.0", "conv_norm_out"), ModuleRule("out.2", "conv_out")]
    }
    return rules
  }

  /// The modules that diffusers' U-Net consists of.
  static let modules = [
    "conv_in", "time_embedding", "add_embedding", "class_embedding", "down_blocks", "mid_block",
    "up_blocks",
    "conv_norm_out", "conv_out",
  ]

  private func down(_ level: Int, _ places: BlockPlaces) -> [ModuleRule] {
    var rules: [ModuleRule] = []
    for layer in 0..<layers[level] {
      let block = "input_blocks.\(places.input(level, layer: layer))"
      rules += Self.resnet("\(block).0", "down_blocks.\(level).resnets.\(layer)")
      if down[level][layer] > 0 {
        rules.append(ModuleRule("\(block).1", "down_blocks.\(level).attentions.\(layer)"))
      }
    }
    if level < levels - 1 {
      let block = "input_blocks.\(places.input(level, layer: layers[level]))"
      rules.append(ModuleRule("\(block).0.op", "down_blocks.\(level).downsamplers.0.conv"))
    }
    return rules
  }

  /// Up blocks count from the innermost level.
  private func up(_ block: Int, _ places: BlockPlaces) -> [ModuleRule] {
    var rules: [ModuleRule] = []
    let last = places.up[block]
    for layer in 0...last {
      let source = "output_blocks.\(places.output(block, layer: layer))"
      rules += Self.resnet("\(source).0", "up_blocks.\(block).resnets.\(layer)")
      if up[block][layer] > 0 {
        rules.append(ModuleRule("\(source).1", "up_blocks.\(block).attentions.\(layer)"))
      }
    }
    if block < levels - 1 {
      let place = up[block][last] > 0 ? 2 : 1
      let source = "output_blocks.\(places.output(block, layer: last)).\(place).conv"
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
