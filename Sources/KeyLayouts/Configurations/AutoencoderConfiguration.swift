internal import TensorCore

/// The dimensions of diffusers' `AutoencoderKL`.
public struct AutoencoderConfiguration: Sendable, Hashable {
  /// Channels of the picture.
  public let pictureChannels: Int
  /// Channels of the latent.
  public let latentChannels: Int
  /// Channels of each level, outermost first.
  public let blockChannels: [Int]
  /// Residual blocks of each level of the encoder; the decoder has one more.
  public let layersPerBlock: Int
  /// Groups of every group norm.
  public let normGroups: Int
  /// The factor on latents that gives them unit variance.
  public let scalingFactor: Float
  /// Whether a 1×1 convolution follows the encoder.
  public let hasQuantConvolution: Bool
  /// Whether a 1×1 convolution precedes the decoder.
  public let hasPostQuantConvolution: Bool
  /// Whether the middle blocks have attention.
  public let hasMiddleAttention: Bool

  /// Reads the configuration of a model's VAE.
  ///
  /// - Throws: `ConfigurationError`, as for the U-Net.
  public init(of model: CanonicalModel) throws(ConfigurationError) {
    let fields = try ConfigurationFields(of: "vae", in: model)
    blockChannels = try fields.integers("block_out_channels")
    pictureChannels = try fields.integer("in_channels", default: 3)
    latentChannels = try fields.integer("latent_channels", default: 4)
    layersPerBlock = try fields.integer("layers_per_block", default: 1)
    normGroups = try fields.integer("norm_num_groups", default: 32)
    scalingFactor = Float(try fields.number("scaling_factor", default: 0.18215))
    hasQuantConvolution = try fields.flag("use_quant_conv", default: true)
    hasPostQuantConvolution = try fields.flag("use_post_quant_conv", default: true)
    hasMiddleAttention = try fields.flag("mid_block_add_attention", default: true)
    guard blockChannels.allSatisfy({ $0 % normGroups == 0 }) else {
      throw fields.error("block_out_channels", "multiples of the \(normGroups) norm groups")
    }
    for (name, type) in [
      ("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D"),
    ] {
      let types = try fields.strings(name)
      guard types == [String](repeating: type, count: blockChannels.count) else {
        throw fields.error(name, "\(blockChannels.count) times \(type)")
      }
    }
    try fields.require("out_channels", oneOf: [.integer(pictureChannels)])
    try fields.require("act_fn", oneOf: ["silu", "swish"])
  }

  /// Pixels a latent element stands for, in each direction.
  public var scale: Int { 1 << (blockChannels.count - 1) }
}
