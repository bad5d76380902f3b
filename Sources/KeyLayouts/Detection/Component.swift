/// A part of a model that is trained and stored for itself.
public enum Component: String, Sendable, Hashable, CaseIterable {
  /// The noise predictor.
  case unet
  /// The autoencoder between pictures and latents.
  case vae
  /// The text encoder.
  case textEncoder = "text_encoder"

  /// The name for people.
  public var title: String {
    switch self {
    case .unet: "U-Net"
    case .vae: "VAE"
    case .textEncoder: "text encoder"
    }
  }

  /// What its canonical names start with: diffusers' folder and a dot.
  public var prefix: String { rawValue + "." }
}
