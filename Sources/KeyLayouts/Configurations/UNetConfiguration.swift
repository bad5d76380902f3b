internal import TensorCore

/// The dimensions of diffusers' `UNet2DConditionModel`.
public struct UNetConfiguration: Sendable, Hashable {
  /// Height and width of the latents that the model was trained on.
  public let sampleSize: Int
  /// Channels of the input: 4, or more for inpainting and depth.
  public let inputChannels: Int
  /// Channels of the predicted noise.
  public let outputChannels: Int
  /// Channels of each level, outermost first.
  public let blockChannels: [Int]
  /// Whether each level of the way down has attention.
  public let hasAttention: [Bool]
  /// Whether each level of the way up has attention, innermost first.
  public let hasAttentionUp: [Bool]
  /// Residual blocks of each level on the way down; one more on the way up.
  public let layersPerBlock: [Int]
  /// Attention heads of each level.
  ///
  /// The field is called `attention_head_dim` and means the number of heads: an old mistake that
  /// diffusers keeps, because every published configuration relies on it.
  public let heads: [Int]
  /// Transformer blocks in each attention of a level.
  public let transformerLayers: [Int]
  /// Width of the text encoder's hidden states.
  public let crossAttentionWidth: Int
  /// Groups of every group norm.
  public let normGroups: Int
  /// What the norms of residual blocks and the output add to the variance.
  public let normEpsilon: Float
  /// Whether `proj_in` and `proj_out` are linear layers and not 1×1 convolutions.
  public let usesLinearProjection: Bool
  /// Whether the timestep embedding has the cosines first.
  public let flipsSineToCosine: Bool
  /// The shift of the timestep embedding's frequencies.
  public let frequencyShift: Float

  /// Reads the configuration of a model's U-Net.
  ///
  /// - Throws: `ConfigurationError` for a field that is missing, malformed, or asks for something
  ///   that is not supported.
  public init(of model: CanonicalModel) throws(ConfigurationError) {
    let fields = try ConfigurationFields(of: "unet", in: model)
    blockChannels = try fields.integers("block_out_channels")
    let levels = blockChannels.count
    sampleSize = try fields.integer("sample_size", default: 64)
    inputChannels = try fields.integer("in_channels", default: 4)
    outputChannels = try fields.integer("out_channels", default: 4)
    let down = try fields.strings("down_block_types")
    let up = try fields.strings("up_block_types")
    guard down.count == levels, down.allSatisfy(["CrossAttnDownBlock2D", "DownBlock2D"].contains)
    else {
      throw fields.error(
        "down_block_types", "\(levels) times CrossAttnDownBlock2D or DownBlock2D")
    }
    guard up.count == levels, up.allSatisfy(["CrossAttnUpBlock2D", "UpBlock2D"].contains) else {
      throw fields.error("up_block_types", "\(levels) times CrossAttnUpBlock2D or UpBlock2D")
    }
    hasAttention = down.map { $0 == "CrossAttnDownBlock2D" }
    hasAttentionUp = up.map { $0 == "CrossAttnUpBlock2D" }
    layersPerBlock = try fields.integers("layers_per_block", levels: levels, default: 2)
    heads = try fields.integers("attention_head_dim", levels: levels, default: 8)
    transformerLayers = try fields.integers(
      "transformer_layers_per_block", levels: levels, default: 1)
    crossAttentionWidth = try fields.integer("cross_attention_dim")
    normGroups = try fields.integer("norm_num_groups", default: 32)
    normEpsilon = Float(try fields.number("norm_eps", default: 1e-5))
    usesLinearProjection = try fields.flag("use_linear_projection", default: false)
    flipsSineToCosine = try fields.flag("flip_sin_to_cos", default: true)
    frequencyShift = Float(try fields.number("freq_shift", default: 0))
    guard blockChannels.allSatisfy({ $0 % normGroups == 0 }) else {
      throw fields.error("block_out_channels", "multiples of the \(normGroups) norm groups")
    }
    for (channels, heads) in zip(blockChannels, heads) where channels % heads != 0 {
      throw fields.error("attention_head_dim", "numbers of heads that divide \(channels)")
    }
    try fields.require("act_fn", oneOf: ["silu", "swish"])
    try fields.require("mid_block_type", oneOf: ["UNetMidBlock2DCrossAttn"])
    try fields.require("center_input_sample", oneOf: [false])
    try fields.require("only_cross_attention", oneOf: [false])
    try fields.require("dual_cross_attention", oneOf: [false])
    try fields.require("resnet_time_scale_shift", oneOf: ["default"])
    try fields.require("time_embedding_type", oneOf: ["positional"])
    try fields.require("downsample_padding", oneOf: [1])
    try fields.require("mid_block_scale_factor", oneOf: [1])
    try fields.require("conv_in_kernel", oneOf: [3])
    try fields.require("conv_out_kernel", oneOf: [3])
    for name in [
      "class_embed_type", "addition_embed_type", "encoder_hid_dim", "encoder_hid_dim_type",
      "num_class_embeds", "time_embedding_act_fn", "timestep_post_act", "time_cond_proj_dim",
      "num_attention_heads", "reverse_transformer_layers_per_block", "cross_attention_norm",
      "addition_time_embed_dim",
    ] {
      try fields.require(name, oneOf: [], or: "null")
    }
  }

  /// Width of the timestep embedding behind its first layer.
  public var timeWidth: Int { 4 * blockChannels[0] }
}
