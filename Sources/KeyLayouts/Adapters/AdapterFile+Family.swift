internal import TensorCore

extension AdapterFile {
  /// The family that the adapter was trained for, as far as names and shapes tell: a guess for
  /// messages.
  public var familyHint: String? {
    let parts: [(part: String, title: String)] = [
      ("double_blocks", "Flux"), ("single_transformer_blocks", "Flux"),
      ("joint_blocks", "Stable Diffusion 3"), ("add_k_proj", "Stable Diffusion 3"),
    ]
    for (part, title) in parts where modules.contains(where: { $0.name.path.contains(part) }) {
      return title
    }
    for module in modules where module.name.path.hasSuffix("to_k") {
      guard module.name.path.contains("attn2"), case .lowRank(let product)? = module.change else {
        continue
      }
      switch product.columns {
      case 768: return Family.stableDiffusion1.title
      case 1024: return Family.stableDiffusion2.title
      case 1280, 2048: return Family.stableDiffusionXL.title
      default: continue
      }
    }
    return nil
  }

  /// The guess as the end of a message.
  public var hint: String? { familyHint.map { "a LoRA for \($0)" } }
}
