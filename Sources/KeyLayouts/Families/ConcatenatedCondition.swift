public import TensorCore

/// What a U-Net takes beside the noisy latents, concatenated with them along the channels.
///
/// Source: Stable Diffusion's `LatentInpaintDiffusion` and `LatentDepth2ImageDiffusion`, and
/// InstructPix2Pix (Brooks et al. 2022).
public enum ConcatenatedCondition: Sendable, Hashable {
  /// Nothing: text to image.
  case nothing
  /// A depth map, one channel.
  case depthMap
  /// A picture's latents.
  case picture
  /// A mask, one channel, and the latents of the picture without what it covers.
  case maskedPicture

  /// Tells by the channels of the input and, for those of the latents, of the output; `nil` where no
  /// published model takes so many.
  public init?(inputChannels: Int, latentChannels: Int) {
    guard latentChannels > 0, inputChannels >= latentChannels else { return nil }
    switch inputChannels - latentChannels {
    case 0: self = .nothing
    case 1: self = .depthMap
    case latentChannels: self = .picture
    case latentChannels + 1: self = .maskedPicture
    default: return nil
    }
  }

  /// Tells by a U-Net's configuration.
  public init?(unet: JSONObject?) {
    self.init(
      inputChannels: unet?["in_channels"]?.intValue ?? 4,
      latentChannels: unet?["out_channels"]?.intValue ?? 4)
  }
}
