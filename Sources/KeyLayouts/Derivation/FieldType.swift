internal import TensorCore

/// What a field of a configuration may hold, as diffusers 0.42 and transformers 5.23 read it.
struct FieldType: Sendable {
  /// What is expected, for messages.
  let expected: String
  private let isValid: @Sendable (JSON) -> Bool

  init(_ expected: String, _ isValid: @escaping @Sendable (JSON) -> Bool) {
    self.expected = expected
    self.isValid = isValid
  }

  /// Whether the field may say this; `null` says nothing.
  func holds(_ value: JSON) -> Bool { value == .null || isValid(value) }

  static let flag = FieldType("true or false") { $0.boolValue != nil }
  static let text = FieldType("a text") { $0.stringValue != nil }
  static let number = FieldType("a number") { $0.doubleValue?.isFinite == true }
  static let notNegative = FieldType("a number from 0 up") {
    $0.doubleValue.map { $0 >= 0 && $0.isFinite } ?? false
  }
  /// A size or a count.
  static let positive = FieldType("a whole number from 1 up", isPositive)
  static let whole = FieldType("a whole number from 0 up") { $0.intValue.map { $0 >= 0 } ?? false }
  static let texts = FieldType("a list of texts", isList { $0.stringValue != nil })
  static let numbers = FieldType("a list of numbers", isList { $0.doubleValue != nil })
  static let positives = FieldType("a list of whole numbers from 1 up", isList(isPositive))
  /// One for all levels, or one a level.
  static let levelFlags = FieldType("true or false, or one of them a level") {
    $0.boolValue != nil || isList { $0.boolValue != nil }($0)
  }
  static let levelSizes = FieldType("a whole number from 1 up, or one a level") {
    isPositive($0) || isList(isPositive)($0)
  }
  /// One for all levels, one a level, or one for every block of attention of each.
  /// A level without attention may have 0.
  static let depths = FieldType("a whole number from 0 up, or one a level or block", isDepths)
  /// Height and width together, or each.
  static let extent = FieldType("a whole number from 1 up, or two") {
    isPositive($0) || isList(isPositive)($0) && $0.arrayValue?.count == 2
  }
  static let nothing = FieldType("null") { _ in false }

  /// One of some names, in small letters or capitals where readers make no difference.
  static func oneOf(_ names: [String], ignoringCase: Bool = false) -> FieldType {
    FieldType("one of " + names.joined(separator: ", ")) { value in
      value.stringValue.map { names.contains(ignoringCase ? $0.lowercased() : $0) } ?? false
    }
  }

  @Sendable private static func isPositive(_ value: JSON) -> Bool {
    value.intValue.map { $0 > 0 } ?? false
  }

  @Sendable private static func isDepths(_ value: JSON) -> Bool {
    value.intValue.map { $0 >= 0 } ?? value.arrayValue.map {
      !$0.isEmpty && $0.allSatisfy(isDepths)
    } ?? false
  }

  private static func isList(
    _ isElement: @escaping @Sendable (JSON) -> Bool
  ) -> @Sendable (JSON) -> Bool {
    { value in value.arrayValue.map { !$0.isEmpty && $0.allSatisfy(isElement) } ?? false }
  }
}

extension FieldType {
  /// The activations of diffusers' `ACT2CLS` (`models/activations.py`), which ignores case.
  static let activation = oneOf(["swish", "silu", "mish", "gelu", "relu"], ignoringCase: true)

  /// The activations of transformers' `ACT2FN` (`activations.py`).
  static let textActivation = oneOf([
    "gelu", "gelu_10", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh",
    "gelu_python_tanh", "gelu_accurate", "hardswish", "laplace", "leaky_relu", "linear", "mish",
    "quick_gelu", "relu", "relu2", "relu6", "sigmoid", "silu", "sqrtsoftplus", "swish", "tanh",
    "prelu", "xielu",
  ])

  /// The fields of a component's configuration; those of classes that have no table here are not
  /// known, and neither are a scheduler's own.
  static func fields(
    of component: String, _ configuration: JSONObject
  ) -> KeyValuePairs<String, FieldType> {
    let name = configuration["_class_name"]?.stringValue
    switch Component(rawValue: component) {
    case .unet: return name == nil || name == "UNet2DConditionModel" ? unet : [:]
    case .controlNet: return name == nil || name == "ControlNetModel" ? controlNet : [:]
    case .vae: return name == nil || name == "AutoencoderKL" ? autoencoder : [:]
    case .textEncoder, .textEncoder2: return textEncoder
    case nil: return component == "scheduler" ? scheduler : [:]
    }
  }

  private static let unet: KeyValuePairs<String, FieldType> = [
    "in_channels": .positive, "out_channels": .positive, "sample_size": .extent,
    "block_out_channels": .positives, "down_block_types": .texts, "up_block_types": .texts,
    "mid_block_type": .text, "layers_per_block": .levelSizes, "act_fn": .activation,
    "attention_head_dim": .levelSizes,
    // diffusers refuses every number here, because the other field's means what this one says.
    "num_attention_heads": .nothing, "norm_num_groups": .positive, "norm_eps": .notNegative,
    "cross_attention_dim": .levelSizes, "transformer_layers_per_block": .depths,
    "reverse_transformer_layers_per_block": .depths, "use_linear_projection": .flag,
    "only_cross_attention": .levelFlags, "upcast_attention": .flag, "dual_cross_attention": .flag,
    "center_input_sample": .flag, "flip_sin_to_cos": .flag, "freq_shift": .number,
    "downsample_padding": .whole, "mid_block_scale_factor": .number, "dropout": .notNegative,
    "num_class_embeds": .positive, "class_embed_type": .text, "addition_embed_type": .text,
    "addition_time_embed_dim": .positive, "addition_embed_type_num_heads": .positive,
    "projection_class_embeddings_input_dim": .positive, "time_cond_proj_dim": .positive,
    "time_embedding_dim": .positive, "time_embedding_type": .text,
    "time_embedding_act_fn": .activation, "timestep_post_act": .activation,
    "encoder_hid_dim": .positive, "encoder_hid_dim_type": .text,
    "resnet_time_scale_shift": .text, "resnet_skip_time_act": .flag,
    "resnet_out_scale_factor": .number, "conv_in_kernel": .positive, "conv_out_kernel": .positive,
    "class_embeddings_concat": .flag, "attention_type": .text, "cross_attention_norm": .text,
  ]

  private static let controlNet: KeyValuePairs<String, FieldType> = [
    "in_channels": .positive, "conditioning_channels": .positive,
    "block_out_channels": .positives, "down_block_types": .texts, "mid_block_type": .text,
    "layers_per_block": .positive, "act_fn": .activation, "attention_head_dim": .levelSizes,
    "num_attention_heads": .levelSizes, "norm_num_groups": .positive, "norm_eps": .notNegative,
    "cross_attention_dim": .positive, "transformer_layers_per_block": .depths,
    "use_linear_projection": .flag, "only_cross_attention": .levelFlags, "upcast_attention": .flag,
    "flip_sin_to_cos": .flag, "freq_shift": .number, "downsample_padding": .whole,
    "mid_block_scale_factor": .number, "num_class_embeds": .positive, "class_embed_type": .text,
    "addition_embed_type": .text, "addition_time_embed_dim": .positive,
    "addition_embed_type_num_heads": .positive,
    "projection_class_embeddings_input_dim": .positive, "encoder_hid_dim": .positive,
    "encoder_hid_dim_type": .text, "resnet_time_scale_shift": .text,
    "controlnet_conditioning_channel_order": .oneOf(["rgb", "bgr"]),
    "conditioning_embedding_out_channels": .positives, "global_pool_conditions": .flag,
  ]

  private static let autoencoder: KeyValuePairs<String, FieldType> = [
    "in_channels": .positive, "out_channels": .positive, "latent_channels": .positive,
    "sample_size": .extent, "block_out_channels": .positives, "down_block_types": .texts,
    "up_block_types": .texts, "layers_per_block": .positive, "act_fn": .activation,
    "norm_num_groups": .positive, "scaling_factor": .number, "shift_factor": .number,
    "latents_mean": .numbers, "latents_std": .numbers, "force_upcast": .flag,
    "use_quant_conv": .flag, "use_post_quant_conv": .flag, "mid_block_add_attention": .flag,
  ]

  private static let textEncoder: KeyValuePairs<String, FieldType> = [
    "architectures": .texts, "vocab_size": .positive, "hidden_size": .positive,
    "intermediate_size": .positive, "projection_dim": .positive, "num_hidden_layers": .positive,
    "num_attention_heads": .positive, "max_position_embeddings": .positive,
    "hidden_act": .textActivation, "layer_norm_eps": .notNegative,
    "attention_dropout": .notNegative, "dropout": .notNegative, "initializer_factor": .number,
    "initializer_range": .number,
  ]

  private static let scheduler: KeyValuePairs<String, FieldType> = [
    // Whoever has a scheduler of his own calls it one.
    "_class_name": FieldType("the name of a scheduler's class, which ends in Scheduler") {
      $0.stringValue?.hasSuffix("Scheduler") ?? false
    },
    "num_train_timesteps": .positive, "beta_start": .notNegative, "beta_end": .notNegative,
    "beta_schedule": .text, "timestep_spacing": .text, "clip_sample": .flag,
    "set_alpha_to_one": .flag, "skip_prk_steps": .flag, "rescale_betas_zero_snr": .flag,
    "use_karras_sigmas": .flag, "thresholding": .flag, "steps_offset": .whole,
    "sigma_min": .notNegative, "sigma_max": .notNegative, "sigma_data": .notNegative,
    "rho": .notNegative, "shift": .number,
  ]
}
