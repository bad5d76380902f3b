/// A family of models: what they share are the components and their names.
public enum Family: String, Sendable, Hashable, CaseIterable {
  /// Stable Diffusion 1.x and everything trained from it or like it.
  case stableDiffusion1 = "sd1"
  /// Stable Diffusion 2.x: an OpenCLIP text encoder, linear projections.
  case stableDiffusion2 = "sd2"
  /// Stable Diffusion XL: two text encoders.
  case stableDiffusionXL = "sdxl"
  /// SDXL's refiner: the second text encoder alone.
  case stableDiffusionXLRefiner = "sdxl-refiner"

  /// The name for people.
  public var title: String {
    switch self {
    case .stableDiffusion1: "Stable Diffusion 1.x"
    case .stableDiffusion2: "Stable Diffusion 2.x"
    case .stableDiffusionXL: "Stable Diffusion XL"
    case .stableDiffusionXLRefiner: "Stable Diffusion XL refiner"
    }
  }

  /// The components of a whole model.
  public var components: [Component] { original.map(\.component).filter { $0 != .controlNet } }

  /// Where a single file in the original names keeps each component.
  var original: [OriginalPlace] {
    let text: [OriginalPlace] =
      switch self {
      case .stableDiffusion1:
        [OriginalPlace(.textEncoder, "cond_stage_model.transformer.", .transformers)]
      case .stableDiffusion2:
        [OriginalPlace(.textEncoder, "cond_stage_model.model.", .openCLIP)]
      case .stableDiffusionXL:
        [
          OriginalPlace(.textEncoder, "conditioner.embedders.0.transformer.", .transformers),
          OriginalPlace(.textEncoder2, "conditioner.embedders.1.model.", .openCLIP),
        ]
      case .stableDiffusionXLRefiner:
        [OriginalPlace(.textEncoder2, "conditioner.embedders.0.model.", .openCLIP)]
      }
    return [
      OriginalPlace(.unet, "model.diffusion_model.", .ldm),
      OriginalPlace(.vae, "first_stage_model.", .ldm),
    ] + text + [OriginalPlace(.controlNet, "control_model.", .ldm)]
  }

  /// Whether a text encoder is one that OpenCLIP trained.
  func isOpenCLIP(_ component: Component) -> Bool {
    original.contains { $0.component == component && $0.naming == .openCLIP }
  }
}

/// Where a component stands in a single file.
struct OriginalPlace: Sendable, Hashable {
  let component: Component
  /// What its names start with.
  let prefix: String
  let naming: Naming

  init(_ component: Component, _ prefix: String, _ naming: Naming) {
    self.component = component
    self.prefix = prefix
    self.naming = naming
  }
}

/// Whose names a component's modules have.
enum Naming: Sendable, Hashable, CaseIterable {
  /// CompVis' latent diffusion, its successors SGM and ControlNet.
  case ldm
  /// diffusers.
  case diffusers
  /// transformers.
  case transformers
  /// OpenCLIP.
  case openCLIP
}

/// A way to name a model's tensors.
public enum Layout: String, Sendable, Hashable, CaseIterable {
  /// CompVis' latent diffusion: `model.diffusion_model.…`, one checkpoint for all components.
  case ldm
  /// diffusers' names behind the component; the canonical ones.
  case diffusers
}
