/// How a file names the tensors of a textual inversion (Gal et al. 2022).
public enum EmbeddingForm: String, Sendable, Hashable, CaseIterable {
  /// stable-diffusion-webui's `Embedding.save`: `string_to_param["*"]` beside `name` and `step`.
  case a1111
  /// diffusers' training scripts: the token is the tensor's name.
  case diffusers
  /// A tensor for each text encoder, by the encoder's name: `clip_l`, `clip_g`.
  case sdxl
  /// kohya's training scripts: `emb_params`.
  case parameters = "emb_params"
  /// One tensor without a name of its own: `*`, or a pickle that is nothing but a tensor.
  case unnamed
  /// Beside a LoRA: `bundle_emb.<token>.…`.
  case bundled

  /// The forms that a conversion can write.
  public static let writable: [EmbeddingForm] = [.a1111, .diffusers, .sdxl]

  /// The name for people.
  public var title: String {
    switch self {
    case .a1111: "A1111 form"
    case .diffusers: "diffusers form"
    case .sdxl: "SDXL form"
    case .parameters: "kohya's form"
    case .unnamed: "unnamed tensor"
    case .bundled: "bundled"
    }
  }
}
