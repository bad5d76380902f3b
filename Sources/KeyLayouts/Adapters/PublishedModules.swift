public import TensorCore

extension Family {
  /// The modules of the family's published models, as tensors without shape: what an adapter's names
  /// are told by where no model is at hand.
  public var publishedModules: [TensorDescription] {
    let (depths, middle): ([Int], Int) =
      switch self {
      case .stableDiffusion1, .stableDiffusion2: ([1, 1, 1, 0], 1)
      case .stableDiffusionXL: ([0, 2, 10], 10)
      case .stableDiffusionXLRefiner: ([0, 4, 4, 0], 4)
      }
    let encoders: [(component: String, layers: Int)] =
      switch self {
      case .stableDiffusion1: [("text_encoder", 12)]
      case .stableDiffusion2: [("text_encoder", 24)]
      case .stableDiffusionXL: [("text_encoder", 12), ("text_encoder_2", 32)]
      case .stableDiffusionXLRefiner: [("text_encoder_2", 32)]
      }
    let modules =
      Self.unet(depths: depths, middle: middle).map { "unet.\($0)" }
      + encoders.flatMap { encoder in
        Self.textEncoder(layers: encoder.layers).map { "\(encoder.component).\($0)" }
      }
    return modules.map {
      TensorDescription(name: $0 + ".weight", elementType: .float32, shape: TensorShape([]))
    }
  }

  /// Two residual blocks a level and three on the way up, in all of them.
  private static func unet(depths: [Int], middle: Int) -> [String] {
    var modules = [
      "conv_in", "conv_norm_out", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2",
      "add_embedding.linear_1", "add_embedding.linear_2",
    ]
    for (level, depth) in depths.enumerated() {
      let (down, up) = ("down_blocks.\(level)", "up_blocks.\(depths.count - 1 - level)")
      for layer in 0..<3 {
        for block in layer < 2 ? [down, up] : [up] {
          modules += resnet("\(block).resnets.\(layer)")
          if depth > 0 { modules += attention("\(block).attentions.\(layer)", depth) }
        }
      }
      if level < depths.count - 1 { modules.append("\(down).downsamplers.0.conv") }
      if level > 0 { modules.append("\(up).upsamplers.0.conv") }
    }
    return modules + attention("mid_block.attentions.0", middle)
      + resnet("mid_block.resnets.0") + resnet("mid_block.resnets.1")
  }

  private static func resnet(_ block: String) -> [String] {
    ["norm1", "conv1", "time_emb_proj", "norm2", "conv2", "conv_shortcut"].map { "\(block).\($0)" }
  }

  private static func attention(_ block: String, _ depth: Int) -> [String] {
    let parts =
      ["norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"]
      + ["attn1", "attn2"].flatMap { attention in
        ["to_q", "to_k", "to_v", "to_out.0"].map { "\(attention).\($0)" }
      }
    return ["norm", "proj_in", "proj_out"].map { "\(block).\($0)" }
      + (0..<depth).flatMap { place in
        parts.map { "\(block).transformer_blocks.\(place).\($0)" }
      }
  }

  private static func textEncoder(layers: Int) -> [String] {
    let parts =
      ["layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2"]
      + ["q", "k", "v", "out"].map { "self_attn.\($0)_proj" }
    return [
      "text_model.embeddings.token_embedding", "text_model.embeddings.position_embedding",
      "text_model.final_layer_norm", "text_projection",
    ]
      + (0..<layers).flatMap { layer in
        parts.map { "text_model.encoder.layers.\(layer).\($0)" }
      }
  }
}

extension AdapterTargets {
  /// The modules of a family's model, by the names of both layouts.
  ///
  /// - Parameter tensors: the model's, under canonical names.
  /// - Throws: `LayoutError` when two tensors would get one name in LDM's layout.
  public init(_ tensors: [TensorDescription], of family: Family) throws(LayoutError) {
    let original = try LayoutReading.ledger(writing: tensors, as: .ldm, of: family)
    self.init(
      tensors,
      originals: Dictionary(
        original.mapped.map { (tensors[$0.index].name, $0.target.name) },
        uniquingKeysWith: { first, _ in first }))
  }

  /// The modules of the published family in which most modules of an adapter are.
  ///
  /// - Returns: `nil` where no family has any of them.
  public static func published(for file: AdapterFile) throws(LayoutError) -> (
    family: Family, targets: AdapterTargets
  )? {
    var best: (count: Int, family: Family, targets: AdapterTargets)?
    for family in Family.allCases {
      let targets = try AdapterTargets(family.publishedModules, of: family)
      let count = file.modules.count { (try? targets.target(of: $0.name)) != nil }
      if count > best?.count ?? 0 { best = (count, family, targets) }
    }
    return best.map { ($0.family, $0.targets) }
  }
}
