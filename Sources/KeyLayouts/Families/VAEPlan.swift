/// How a Stable Diffusion autoencoder is laid out: enough to name its modules.
struct VAEPlan: Sendable, Hashable {
  /// The number of resolutions.
  var levels: Int
  /// Residual blocks a level of the encoder; one more in the decoder.
  var layers: Int

  /// Reads the plan from LDM's names.
  init?(ldm names: Names, prefix: String) {
    self.init(
      names, down: prefix + "encoder.down.", up: prefix + "decoder.up.", block: "0.block.")
  }

  /// Reads the plan from diffusers' names.
  init?(diffusers names: Names, prefix: String) {
    self.init(
      names, down: prefix + "encoder.down_blocks.", up: prefix + "decoder.up_blocks.",
      block: "0.resnets.")
  }

  /// Counts in both halves: a level that one of them lacks is missing, and not a smaller model.
  private init?(_ names: Names, down: String, up: String, block: String) {
    levels = max(names.count(after: down), names.count(after: up))
    layers = max(names.count(after: down + block), names.count(after: up + block) - 1)
    guard levels > 0, layers > 0, UNetPlan.isSane(levels, layers) else { return nil }
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

  /// LDM keeps the attention's matrices as 1×1 convolutions, diffusers as linear layers.
  private static func attention(_ source: String, _ target: String) -> [ModuleRule] {
    [ModuleRule("\(source).norm", "\(target).group_norm")]
      + [("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")].map {
        ModuleRule("\(source).\($0.0)", "\(target).\($0.1)", shape: .convolutionToMatrix)
      }
  }

  /// diffusers' own earlier names of the attention's matrices.
  static let earlierNames: [ModuleRule] = ["encoder", "decoder"].flatMap { half in
    [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")].map {
      ModuleRule(
        "\(half).mid_block.attentions.0.\($0.0)", "\(half).mid_block.attentions.0.\($0.1)",
        shape: .convolutionToMatrix, isAlias: true)
    }
  }
}
