public import TensorCore

/// What diffusers and transformers take for granted where a configuration does not say: the defaults
/// of `UNet2DConditionModel`, `ControlNetModel`, `AutoencoderKL` (diffusers 0.42) and
/// `CLIPTextConfig` (transformers 5.23). Fields whose default is `null` or `false` are left out.
public enum ConfigurationDefaults {
  /// The default of a field of a component's configuration; `null` for one that has none.
  public static func value(of field: String, in component: String) -> JSON {
    let table: JSONObject =
      switch Component(rawValue: component) {
      case .unet: unet
      case .controlNet: controlNet
      case .vae: autoencoder
      case .textEncoder, .textEncoder2: textEncoder
      case nil: [:]
      }
    return table[field] ?? .null
  }

  /// Whether two values of a field say the same: a field that is left out says its default, one
  /// number for all levels may stand once a level, and `null` and `false` are both no.
  public static func areEqual(
    _ first: JSON?, _ second: JSON?, field: String, component: String
  ) -> Bool {
    let standard = value(of: field, in: component)
    let (a, b) = (first ?? standard, second ?? standard)
    if a == b || a.isSameNumber(as: b) { return true }
    if [a, b].allSatisfy({ $0 == .null || $0 == false }) { return true }
    if let list = a.arrayValue, let other = b.arrayValue {
      return list.count == other.count
        && zip(list, other).allSatisfy { $0 == $1 || $0.isSameNumber(as: $1) }
    }
    guard let list = a.arrayValue ?? b.arrayValue, !list.isEmpty else { return false }
    let one = a.arrayValue == nil ? a : b
    return list.allSatisfy { $0 == one || $0.isSameNumber(as: one) }
  }

  private static let network: JSONObject = [
    "in_channels": 4, "flip_sin_to_cos": true, "freq_shift": 0,
    "down_block_types": [
      "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D",
    ],
    "mid_block_type": "UNetMidBlock2DCrossAttn", "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2, "downsample_padding": 1, "mid_block_scale_factor": 1, "act_fn": "silu",
    "norm_num_groups": 32, "norm_eps": 1e-5, "cross_attention_dim": 1280,
    "transformer_layers_per_block": 1, "attention_head_dim": 8,
    "resnet_time_scale_shift": "default", "addition_embed_type_num_heads": 64,
  ]

  private static let unet = network.merging([
    "out_channels": 4,
    "up_block_types": [
      "UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
    ],
    "dropout": 0.0, "resnet_out_scale_factor": 1.0, "time_embedding_type": "positional",
    "conv_in_kernel": 3, "conv_out_kernel": 3, "attention_type": "default",
  ])

  private static let controlNet = network.merging([
    "conditioning_channels": 3, "controlnet_conditioning_channel_order": "rgb",
    "conditioning_embedding_out_channels": [16, 32, 96, 256],
  ])

  private static let autoencoder: JSONObject = [
    "in_channels": 3, "out_channels": 3, "down_block_types": ["DownEncoderBlock2D"],
    "up_block_types": ["UpDecoderBlock2D"], "block_out_channels": [64], "layers_per_block": 1,
    "act_fn": "silu", "latent_channels": 4, "norm_num_groups": 32, "sample_size": 32,
    "scaling_factor": 0.18215, "force_upcast": true, "use_quant_conv": true,
    "use_post_quant_conv": true, "mid_block_add_attention": true,
  ]

  private static let textEncoder: JSONObject = [
    "vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "projection_dim": 512,
    "num_hidden_layers": 12, "num_attention_heads": 8, "max_position_embeddings": 77,
    "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "attention_dropout": 0.0, "dropout": 0.0,
    "initializer_range": 0.02, "initializer_factor": 1.0, "pad_token_id": 1,
    "bos_token_id": 49406, "eos_token_id": 49407, "model_type": "clip_text_model",
  ]
}

extension JSONObject {
  /// The same object with other members added, or in the place of its own.
  public func merging(_ other: JSONObject) -> JSONObject {
    var merged = self
    for member in other.members { merged[member.key] = member.value }
    return merged
  }
}
