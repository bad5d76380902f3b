/// A family of models: what they share are the components and the layout's table.
public enum Family: String, Sendable, Hashable, CaseIterable {
  /// Stable Diffusion 1.x and everything trained from it or like it.
  case stableDiffusion1 = "sd1"
  /// Stable Diffusion 2.x: an OpenCLIP text encoder. Recognised, not mapped.
  case stableDiffusion2 = "sd2"
  /// Stable Diffusion XL, base and refiner: two text encoders. Recognised, not mapped.
  case stableDiffusionXL = "sdxl"

  /// The name for people.
  public var title: String {
    switch self {
    case .stableDiffusion1: "Stable Diffusion 1.x"
    case .stableDiffusion2: "Stable Diffusion 2.x"
    case .stableDiffusionXL: "Stable Diffusion XL"
    }
  }
}

/// A way to name a model's tensors.
public enum Layout: String, Sendable, Hashable, CaseIterable {
  /// CompVis' latent diffusion: `model.diffusion_model.…`, one checkpoint for all components.
  case ldm
  /// diffusers' names behind the component; the canonical ones.
  case diffusers
}
