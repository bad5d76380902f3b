internal import TensorCore

/// What betrays a file that is no model of a family with a table here.
struct ForeignSign {
  let problem: LayoutError.Problem

  /// Looks for signs; `nil` when nothing speaks against a Stable Diffusion model.
  ///
  /// - Parameter places: the components found.
  init?(in names: Names, _ tensors: [TensorDescription], _ places: [ComponentPlace]) {
    if let model = ForeignModel(of: tensors, names) {
      if let unet = places.first(where: { $0.component == .unet }) {
        problem = .mixed(.unet, unet.evidence, with: model.title, evidence: model.evidence)
        return
      }
      problem = .foreign(model.title, evidence: model.evidence)
      return
    }
    let parts = [
      ("noise_augmentor.", "Stable Diffusion unCLIP"),
      ("lora_controlnet", "a control-LoRA"),
    ]
    // A LoRA is named after modules of a model: it counts only where no component is there.
    let more =
      places.isEmpty
      ? [
        ("control_model.", "a ControlNet"), (".lora_", "a LoRA"), ("lora_unet_", "a LoRA"),
        ("lora_te", "a LoRA"), (".hada_w1", "a LoHa"), (".lokr_w", "a LoKr"),
      ] : []
    for (part, meaning) in parts + more {
      if let name = names.first(holding: part) {
        problem = .unknownFamily(hint: "'\(name)' looks like \(meaning)")
        return
      }
    }
    return nil
  }
}
