/// How a Stable Diffusion autoencoder is laid out: enough to name its modules.
struct VAEPlan: Sendable, Hashable {
  /// The number of resolutions.
  var levels: Int
  /// Residual blocks a level of the encoder; one more in the decoder.
  var layers: Int
  /// Whether a 1×1 convolution follows the encoder.
  var hasQuantConvolution: Bool
  /// Whether a 1×1 convolution precedes the decoder.
  var hasPostQuantConvolution: Bool
  /// Whether the middle blocks have attention.
  var hasMiddleAttention: Bool

  /// Reads the plan from LDM's names.
  init?(ldm names: Names, prefix: String) {
    self.init(
      names, prefix, down: "encoder.down", up: "decoder.up", blocks: "0.block")
  }

  /// Reads the plan from diffusers' names.
  init?(diffusers names: Names, prefix: String) {
    self.init(
      names, prefix, down: "encoder.down_blocks", up: "decoder.up_blocks", blocks: "0.resnets")
  }

  /// Counts in both halves: a level that one of them lacks is missing, and not a smaller model.
  private init?(_ names: Names, _ prefix: String, down: String, up: String, blocks: String) {
    let (down, up) = (prefix + down, prefix + up)
    levels = max(names.count(below: down), names.count(below: up))
    layers = max(
      names.count(below: "\(down).\(blocks)"), names.count(below: "\(up).\(blocks)") - 1)
    let attentions = ["mid.attn_1", "mid_block.attentions.0"].flatMap { module in
      ["encoder.", "decoder."].map { prefix + $0 + module }
    }
    hasMiddleAttention = attentions.contains(where: names.hasModule)
    hasQuantConvolution = names.hasModule(prefix + "quant_conv")
    hasPostQuantConvolution = names.hasModule(prefix + "post_quant_conv")
    guard UNetPlan.isSane(levels, layers) else { return nil }
  }

  /// LDM's names of the modules and diffusers'. LDM counts the decoder's levels from the outside.
  var rules: [ModuleRule] {
    var rules = [
      ModuleRule("quant_conv", "quant_conv"), ModuleRule("post_quant_conv", "post_quant_conv"),
    ]
    for half in ["encoder", "decoder"] {
      rules += [
        ModuleRule("\(half).conv_in", "\(half).conv_in"),
        ModuleRule("\(half).norm_out", "\(half).conv_norm_out"),
        ModuleRule("\(half).conv_out", "\(half).conv_out"),
      ]
      rules += Self.resnet("\(half).mid.block_1", "\(half).mid_block.resnets.0")
      rules += Self.attention("\(half).mid.attn_1", "\(half).mid_block.attentions.0")
      rules += Self.resnet("\(half).mid.block_2", "\(half).mid_block.resnets.1")
    }
    for level in 0..<levels {
      let (down, up) = ("encoder.down.\(level)", "decoder.up.\(levels - 1 - level)")
      for layer in 0..<layers {
        rules += Self.resnet(
          "\(down).block.\(layer)", "encoder.down_blocks.\(level).resnets.\(layer)")
      }
      for layer in 0...layers {
        rules += Self.resnet("\(up).block.\(layer)", "decoder.up_blocks.\(level).resnets.\(layer)")
      }
      if level < levels - 1 {
        rules += [
          ModuleRule(
            "\(down).downsample.conv", "encoder.down_blocks.\(level).downsamplers.0.conv"),
          ModuleRule("\(up).upsample.conv", "decoder.up_blocks.\(level).upsamplers.0.conv"),
        ]
      }
    }
    return rules
  }

  /// The modules that diffusers' autoencoder consists of, as far as no text encoder has them too.
  static let modules =
    ["quant_conv", "post_quant_conv"]
    + ["encoder", "decoder"].flatMap { half in
      ["conv_in", "down_blocks", "mid_block", "up_blocks", "conv_norm_out", "conv_out"].map {
        "\(half).\($0)"
      }
    }

  private static func resnet(_ source: String, _ target: String) -> [ModuleRule] {
    [
      ("norm1", "norm1"), ("conv1", "conv1"), ("norm2", "norm2"), ("conv2", "conv2"),
      ("nin_shortcut", "conv_shortcut"),
    ].map { ModuleRule("\(source).\($0.0)", "\(target).\($0.1)") }
  }

  /// LDM keeps the attention's matrices as 1×1 convolutions, diffusers as linear layers. Tools that
  /// convert half of a model leave diffusers' names, of today or earlier, in LDM's place.
  private static func attention(_ source: String, _ target: String) -> [ModuleRule] {
    [
      ModuleRule("\(source).norm", "\(target).group_norm"),
      ModuleRule("\(source).group_norm", "\(target).group_norm", isAlias: true),
    ]
      + matrices.flatMap { names in
        names.all.map { name in
          ModuleRule(
            "\(source).\(name)", "\(target).\(names.canonical)", shape: .convolutionToMatrix,
            isAlias: name != names.ldm)
        }
      }
  }

  /// The names of the attention's matrices: LDM's, today's in diffusers, and its earlier ones.
  private static let matrices = [
    (ldm: "q", canonical: "to_q", all: ["q", "to_q", "query"]),
    (ldm: "k", canonical: "to_k", all: ["k", "to_k", "key"]),
    (ldm: "v", canonical: "to_v", all: ["v", "to_v", "value"]),
    (ldm: "proj_out", canonical: "to_out.0", all: ["proj_out", "to_out.0", "proj_attn"]),
  ]

  /// diffusers' own names, and its earlier ones of the attention's matrices.
  static let canonicalRules: [ModuleRule] =
    modules.map { ModuleRule($0, $0) }
    + ["encoder", "decoder"].flatMap { half in
      let attention = "\(half).mid_block.attentions.0"
      return matrices.flatMap { names in
        names.all.filter { $0 != names.ldm }.map { name in
          ModuleRule(
            "\(attention).\(name)", "\(attention).\(names.canonical)",
            shape: .correctedToMatrix, isAlias: name != names.canonical)
        }
      }
    }
}
