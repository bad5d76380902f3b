internal import TensorCore

/// diffusers' configurations of a family's components, with the fields of its version 0.9.
///
/// Sizes come from the tensors. What tensors do not show is the family's: 32 groups, heads of 64
/// (in Stable Diffusion 1.x a U-Net with 8 heads on every level), the activation of the text
/// encoder, the scaling of latents.
struct Configurations {
  let family: Family
  let facts: TrainingFacts
  let prediction: Prediction
  /// The width of the pooled text that an SDXL network takes, where its encoder is there.
  let pooledWidth: Int?
  /// The type of the tensors, for transformers' `torch_dtype`.
  let elementTypes: [Component: ElementType]

  // Older than 0.9, diffusers takes a U-Net's `sample_size` below 64 for a mistake and draws at 64.
  private static let version: JSON = "0.9.0"

  private var isXL: Bool {
    family == .stableDiffusionXL || family == .stableDiffusionXLRefiner
  }

  /// Height and width of the latents that the family was trained on.
  private var sampleSize: Int {
    switch family {
    case .stableDiffusion1: 64
    case .stableDiffusion2: prediction.type == .velocity ? 96 : 64
    case .stableDiffusionXL, .stableDiffusionXLRefiner: 128
    }
  }

  func unet(_ sizes: UNetDimensions) -> NotedConfiguration {
    var configuration = network(sizes, class: "UNet2DConditionModel")
    let plan = sizes.plan
    configuration.derive([
      "out_channels": .integer(sizes.outputChannels),
      "up_block_types": .array(
        plan.up.map { depths in
          depths.contains { $0 > 0 } ? "CrossAttnUpBlock2D" : "UpBlock2D"
        }),
    ])
    configuration.assume(["center_input_sample": false])
    configuration.add(
      "sample_size", facts.imageSize.map(JSON.integer), else: .integer(sampleSize))
    if let width = sizes.guidanceWidth {
      configuration.derive(["time_cond_proj_dim": .integer(width)])
    }
    if let lists = plan.depthsUp {
      configuration.derive(["reverse_transformer_layers_per_block": lists])
    }
    switch plan.middle {
    case .none: configuration.derive(["mid_block_type": .null])
    case .residual: configuration.derive(["mid_block_type": "UNetMidBlock2D"])
    case .attention: break
    }
    return configuration
  }

  func controlNet(_ sizes: ControlNetDimensions) -> NotedConfiguration {
    var configuration = network(sizes.unet, class: "ControlNetModel")
    configuration.derive([
      "conditioning_channels": .integer(sizes.pictureChannels),
      "conditioning_embedding_out_channels": Self.integers(sizes.embeddingWidths),
    ])
    configuration.assume([
      "controlnet_conditioning_channel_order": "rgb", "global_pool_conditions": false,
    ])
    return configuration
  }

  /// What a U-Net and a ControlNet have in common.
  private func network(_ sizes: UNetDimensions, class name: String) -> NotedConfiguration {
    var configuration = NotedConfiguration()
    let plan = sizes.plan
    // What diffusers takes for granted is not written, and held against what is stated all the same.
    configuration.imply([
      "time_cond_proj_dim": .null, "num_class_embeds": .null, "addition_embed_type": .null,
      "mid_block_type": "UNetMidBlock2DCrossAttn",
    ])
    configuration.depths = TransformerDepths(plan)
    configuration.derive([
      "_class_name": .string(name), "_diffusers_version": Self.version,
      "block_out_channels": Self.integers(sizes.widths),
      "down_block_types": .array(
        plan.down.indices.map { plan.hasAttention($0) ? "CrossAttnDownBlock2D" : "DownBlock2D" }),
      "in_channels": .integer(sizes.inputChannels),
      "layers_per_block": Set(plan.layers).count == 1
        ? .integer(plan.layers[0]) : Self.integers(plan.layers),
    ])
    if let width = sizes.contextWidth {
      configuration.derive(["cross_attention_dim": .integer(width)])
    }
    if let count = sizes.classCount { configuration.derive(["num_class_embeds": .integer(count)]) }
    configuration.imply(["only_cross_attention": .array(sizes.textOnlyLevels)])
    if sizes.attendsToTextOnly.contains(true) {
      configuration.derive([
        "only_cross_attention": .array(sizes.attendsToTextOnly.map(JSON.bool))
      ])
    }
    if let depths = plan.depths { configuration.derive(["transformer_layers_per_block": depths]) }
    if sizes.hasLinearProjections {
      configuration.derive(["use_linear_projection": true])
    } else if sizes.contextWidth != nil {
      configuration.imply(["use_linear_projection": false])
    }
    configuration.assume([
      "act_fn": "silu", "attention_head_dim": heads(sizes), "downsample_padding": 1,
      "flip_sin_to_cos": true, "freq_shift": 0, "mid_block_scale_factor": 1, "norm_eps": 1e-5,
      "norm_num_groups": Self.groups(of: sizes.widths),
    ])
    if let width = sizes.addedWidth {
      configuration.derive([
        "addition_embed_type": "text_time",
        "projection_class_embeddings_input_dim": .integer(width),
      ])
      // Six numbers beside the pooled text, in the refiner five.
      let count = family == .stableDiffusionXLRefiner ? 5 : 6
      let embedded = pooledWidth.flatMap {
        width > $0 && (width - $0) % count == 0 ? (width - $0) / count : nil
      }
      configuration.add(
        "addition_time_embed_dim", embedded.map(JSON.integer), else: 256)
    }
    if family == .stableDiffusion2, prediction.type == .velocity {
      configuration.assume(["upcast_attention": true])
    }
    return configuration
  }

  /// diffusers' `attention_head_dim`, which is a number of heads whatever its name.
  private func heads(_ sizes: UNetDimensions) -> JSON {
    family == .stableDiffusion1
      ? Self.divisor(of: sizes.widths, upTo: 8)
      : .array(sizes.widths.map { .integer(Self.heads(of: $0)) })
  }

  func vae(_ sizes: VAEDimensions) -> NotedConfiguration {
    var configuration = NotedConfiguration()
    let scale = 1 << (sizes.plan.levels - 1)
    configuration.derive([
      "_class_name": "AutoencoderKL", "_diffusers_version": Self.version,
      "block_out_channels": Self.integers(sizes.widths),
      "down_block_types": .array(sizes.widths.map { _ in "DownEncoderBlock2D" }),
      "in_channels": .integer(sizes.inputChannels),
      "latent_channels": .integer(sizes.latentChannels),
      "layers_per_block": .integer(sizes.plan.layers),
      "out_channels": .integer(sizes.outputChannels),
      "up_block_types": .array(sizes.widths.map { _ in "UpDecoderBlock2D" }),
    ])
    let plan = sizes.plan
    if !plan.hasQuantConvolution { configuration.derive(["use_quant_conv": false]) }
    if !plan.hasPostQuantConvolution { configuration.derive(["use_post_quant_conv": false]) }
    if !sizes.plan.hasMiddleAttention {
      configuration.derive(["mid_block_add_attention": false])
    }
    configuration.imply([
      "use_quant_conv": .bool(plan.hasQuantConvolution),
      "use_post_quant_conv": .bool(plan.hasPostQuantConvolution),
      "mid_block_add_attention": .bool(sizes.plan.hasMiddleAttention),
    ])
    configuration.assume(["act_fn": "silu", "norm_num_groups": Self.groups(of: sizes.widths)])
    configuration.add(
      "sample_size", facts.imageSize.map { .integer($0 * scale) },
      else: .integer(sampleSize * scale))
    if let mean = facts.latentsMean, let deviation = facts.latentsDeviation,
      mean.count == sizes.latentChannels
    {
      // Playground 2.5: statistics of each channel, and half of what they give.
      configuration.derive([
        "latents_mean": .array(mean.map(JSON.number)),
        "latents_std": .array(deviation.map(JSON.number)),
      ])
      configuration.assume(["scaling_factor": 0.5])
    } else {
      configuration.add(
        "scaling_factor", facts.scalingFactor.map(JSON.number), else: isXL ? 0.13025 : 0.18215)
    }
    // SDXL's autoencoder overflows in half precision.
    if isXL { configuration.assume(["force_upcast": true]) }
    return configuration
  }

  func textEncoder(_ sizes: TextEncoderDimensions) -> NotedConfiguration {
    var configuration = NotedConfiguration()
    let isProjecting = sizes.projectionWidth != nil
    configuration.derive([
      "architectures": [isProjecting ? "CLIPTextModelWithProjection" : "CLIPTextModel"],
      "hidden_size": .integer(sizes.width), "intermediate_size": .integer(sizes.innerWidth),
      "max_position_embeddings": .integer(sizes.positions), "model_type": "clip_text_model",
      "num_hidden_layers": .integer(sizes.layers),
      "torch_dtype": .string(
        Self.torchName(of: elementTypes[sizes.component] ?? .float32)),
      "vocab_size": .integer(sizes.vocabulary),
    ])
    configuration.add(
      "projection_dim", sizes.projectionWidth.map(JSON.integer), else: .integer(sizes.width))
    let isOpenCLIP = family.isOpenCLIP(sizes.component)
    configuration.assume([
      "attention_dropout": 0.0, "bos_token_id": 49406, "dropout": 0.0, "eos_token_id": 49407,
      "hidden_act": isOpenCLIP ? "gelu" : "quick_gelu", "initializer_factor": 1.0,
      "initializer_range": 0.02, "layer_norm_eps": 1e-5,
      "num_attention_heads": .integer(Self.heads(of: sizes.width)), "pad_token_id": 1,
    ])
    return configuration
  }

  /// Heads of 64, or the fewest larger ones that fill the width.
  private static func heads(of width: Int) -> Int {
    var count = max(width / 64, 1)
    while width % count != 0 { count -= 1 }
    return count
  }

  /// The groups of the norms: 32, or fewer in a model too narrow for them.
  private static func groups(of widths: [Int]) -> JSON { divisor(of: widths, upTo: 32) }

  /// The greatest power of two up to a limit, itself one, that divides all widths.
  private static func divisor(of widths: [Int], upTo limit: Int) -> JSON {
    var divisor = limit
    while !widths.allSatisfy({ $0 % divisor == 0 }) { divisor /= 2 }
    return .integer(divisor)
  }

  private static func integers(_ values: [Int]) -> JSON { .array(values.map { .integer($0) }) }

  private static func torchName(of type: ElementType) -> String {
    switch type {
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float64: "float64"
    default: "float32"
    }
  }
}

extension UNetPlan {
  /// diffusers' `transformer_layers_per_block`: one number for all levels, or one a level, or, where
  /// the way up differs, one for each block of attention; `nil` where all have one, the default.
  fileprivate var depths: JSON? {
    let inner: Int = if case .attention(let depth) = middle { depth } else { 1 }
    if isSymmetric {
      // A level without attention has no number of its own: the innermost gives the middle's.
      let found = down.map { $0.first ?? 0 }
      let numbers = Set(found.filter { $0 > 0 } + [inner])
      if numbers.count == 1 { return inner == 1 ? nil : .integer(inner) }
      return .array(
        found.enumerated().map { level, depth in
          .integer(depth > 0 ? depth : level == levels - 1 ? inner : 1)
        })
    }
    return .array(down.map(Self.list))
  }

  /// diffusers' `reverse_transformer_layers_per_block`; `nil` where the way up mirrors the way down.
  fileprivate var depthsUp: JSON? { isSymmetric ? nil : .array(up.map(Self.list)) }

  /// One number a block of attention; 1 for a level without.
  private static func list(_ depths: [Int]) -> JSON {
    depths.contains { $0 > 0 } ? .array(depths.map { .integer($0) }) : 1
  }

  private var isSymmetric: Bool {
    down.allSatisfy { Set($0).count == 1 }
      && zip(down.reversed(), up).allSatisfy { Set($0 + $1).count == 1 }
  }
}
