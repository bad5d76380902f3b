internal import TensorCore

/// diffusers' configurations of Stable Diffusion 1.x, with the fields of its version 0.9.
///
/// Sizes come from the tensors. What tensors do not show is the family's: 32 groups,
/// `attention_head_dim` 8 (a number of heads, whatever its name), heads of 64 in the text encoder.
enum Configurations {
  // Older than 0.9, diffusers takes a U-Net's `sample_size` below 64 for a mistake and draws at 64.
  private static let version: JSON = "0.9.0"

  static func unet(_ sizes: UNetDimensions, _ facts: TrainingFacts) -> JSONObject {
    [
      "_class_name": "UNet2DConditionModel", "_diffusers_version": version, "act_fn": "silu",
      "attention_head_dim": 8, "block_out_channels": integers(sizes.widths),
      "center_input_sample": false, "cross_attention_dim": .integer(sizes.contextWidth),
      "down_block_types": .array(
        sizes.plan.hasAttention.map { $0 ? "CrossAttnDownBlock2D" : "DownBlock2D" }),
      "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0,
      "in_channels": .integer(sizes.inputChannels),
      "layers_per_block": .integer(sizes.plan.layers), "mid_block_scale_factor": 1,
      "norm_eps": 1e-5, "norm_num_groups": 32, "out_channels": .integer(sizes.outputChannels),
      "sample_size": .integer(facts.imageSize),
      "up_block_types": .array(
        sizes.plan.hasAttention.reversed().map { $0 ? "CrossAttnUpBlock2D" : "UpBlock2D" }),
    ]
  }

  static func vae(_ sizes: VAEDimensions, _ facts: TrainingFacts) -> JSONObject {
    let scale = 1 << (sizes.plan.levels - 1)
    return [
      "_class_name": "AutoencoderKL", "_diffusers_version": version, "act_fn": "silu",
      "block_out_channels": integers(sizes.widths),
      "down_block_types": .array(sizes.widths.map { _ in "DownEncoderBlock2D" }),
      "in_channels": .integer(sizes.inputChannels),
      "latent_channels": .integer(sizes.latentChannels),
      "layers_per_block": .integer(sizes.plan.layers), "norm_num_groups": 32,
      "out_channels": .integer(sizes.outputChannels),
      "sample_size": .integer(facts.imageSize * scale),
      "scaling_factor": .number(facts.scalingFactor),
      "up_block_types": .array(sizes.widths.map { _ in "UpDecoderBlock2D" }),
    ]
  }

  static func textEncoder(_ sizes: TextEncoderDimensions, _ type: ElementType) -> JSONObject {
    [
      "architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 49406,
      "dropout": 0.0, "eos_token_id": 49407, "hidden_act": "quick_gelu",
      "hidden_size": .integer(sizes.width), "initializer_factor": 1.0, "initializer_range": 0.02,
      "intermediate_size": .integer(sizes.innerWidth), "layer_norm_eps": 1e-5,
      "max_position_embeddings": .integer(sizes.positions), "model_type": "clip_text_model",
      "num_attention_heads": .integer(max(sizes.width / 64, 1)),
      "num_hidden_layers": .integer(sizes.layers), "pad_token_id": 1,
      "projection_dim": .integer(sizes.width), "torch_dtype": .string(torchName(of: type)),
      "vocab_size": .integer(sizes.vocabulary),
    ]
  }

  static func scheduler(_ facts: TrainingFacts) -> JSONObject {
    [
      "_class_name": "PNDMScheduler", "_diffusers_version": version,
      "beta_end": .number(facts.lastBeta), "beta_schedule": "scaled_linear",
      "beta_start": .number(facts.firstBeta), "clip_sample": false,
      "num_train_timesteps": .integer(facts.timesteps), "set_alpha_to_one": false,
      "skip_prk_steps": true, "steps_offset": 1, "trained_betas": .null,
    ]
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
