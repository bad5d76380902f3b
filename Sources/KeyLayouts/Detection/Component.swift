/// A part of a model that is trained and stored for itself.
public enum Component: String, Sendable, Hashable, CaseIterable {
  /// The noise predictor.
  case unet
  /// The autoencoder between pictures and latents.
  case vae
  /// The text encoder; of SDXL's two the first.
  case textEncoder = "text_encoder"
  /// SDXL's second text encoder, the only one of its refiner.
  case textEncoder2 = "text_encoder_2"
  /// A network that steers a U-Net by a picture.
  case controlNet = "controlnet"

  /// The name for people.
  public var title: String {
    switch self {
    case .unet: "U-Net"
    case .vae: "VAE"
    case .textEncoder: "text encoder"
    case .textEncoder2: "second text encoder"
    case .controlNet: "ControlNet"
    }
  }

  /// What its canonical names start with: diffusers' folder and a dot.
  public var prefix: String { rawValue + "." }
}
