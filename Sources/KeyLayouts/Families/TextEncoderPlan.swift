/// How a CLIP text encoder is named: as transformers does, or as OpenCLIP does.
enum TextEncoderPlan {
  /// The parts of a text encoder without the level `text_model`: some leaked checkpoints, and
  /// everything that transformers saves from 5.6 on. `encoder.layers` and not `encoder`: an
  /// autoencoder's names may stand bare in the same file.
  private static let bareModules = ["embeddings", "encoder.layers", "final_layer_norm"]

  /// transformers' names, which are the canonical ones.
  static func transformers(_ component: Component) -> [ModuleRule] {
    [ModuleRule("text_model", "text_model")]
      + bareModules.map { ModuleRule($0, "text_model." + $0, isAlias: true) }
      + (component == .textEncoder2 ? projection : [])
  }

  /// The projection of the pooled text: a linear layer, doubled by some tools, or OpenCLIP's matrix
  /// under a name of transformers.
  private static let projection = [
    ModuleRule("text_projection.weight", "text_projection.weight"),
    ModuleRule("text_projection.weight.weight", "text_projection.weight", isAlias: true),
    ModuleRule("text_projection", "text_projection.weight", shape: .transpose, isAlias: true),
    ModuleRule(
      "text_model.text_projection.weight", "text_projection.weight", isAlias: true),
    ModuleRule(
      "text_model.text_projection", "text_projection.weight", shape: .transpose, isAlias: true),
  ]

  /// OpenCLIP's names: those of its text tower, which fuses query, key and value.
  static func openCLIP(
    _ component: Component, layers: Int
  ) -> (rules: [ModuleRule], fused: [FusedRule]) {
    let model = "text_model."
    var rules = [
      ModuleRule("token_embedding", model + "embeddings.token_embedding"),
      ModuleRule("positional_embedding", model + "embeddings.position_embedding.weight"),
      ModuleRule("ln_final", model + "final_layer_norm"),
    ]
    if component == .textEncoder2 {
      rules += [
        ModuleRule("text_projection", "text_projection.weight", shape: .transpose),
        ModuleRule("text_projection.weight", "text_projection.weight", isAlias: true),
        ModuleRule("text_projection.weight.weight", "text_projection.weight", isAlias: true),
      ]
    }
    var fused: [FusedRule] = []
    for layer in 0..<layers {
      let (block, target) = ("transformer.resblocks.\(layer)", "\(model)encoder.layers.\(layer)")
      rules += [
        ("ln_1", "layer_norm1"), ("attn.out_proj", "self_attn.out_proj"),
        ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
      ].map { ModuleRule("\(block).\($0.0)", "\(target).\($0.1)") }
      fused += ["weight", "bias"].map { kind in
        FusedRule(
          "\(block).attn.in_proj_\(kind)",
          ["q", "k", "v"].map { "\(target).self_attn.\($0)_proj.\(kind)" })
      }
    }
    return (rules, fused)
  }
}
