internal import TensorCore

/// What betrays a model that has no table here.
struct ForeignSign {
  let problem: LayoutError.Problem

  /// Looks for signs, the surest first; `nil` when nothing speaks against Stable Diffusion 1.x.
  ///
  /// - Parameter places: the components found. Their names alone do not tell the family: an XL
  ///   checkpoint has its U-Net below the same prefix.
  init?(in tensors: [TensorDescription], _ names: Names, _ places: [ComponentPlace]) {
    if let problem = Self.sign(in: names, places) ?? Self.sign(in: tensors, places) {
      self.problem = problem
    } else {
      return nil
    }
  }

  /// The width of the text that the U-Net attends to.
  static func contextWidth(of tensors: [TensorDescription]) -> Int? {
    tensors.first { $0.name.hasSuffix(".attn2.to_k.weight") && $0.shape.rank == 2 }?.shape.last
  }

  private static func sign(
    in names: Names, _ places: [ComponentPlace]
  ) -> LayoutError.Problem? {
    let unet = places.first { $0.component == .unet }.map { [$0.prefix] } ?? []
    for (family, starts) in [
      (
        Family.stableDiffusionXL,
        ["conditioner.embedders.", "text_encoder_2."]
          + unet.flatMap { [$0 + "label_emb.", $0 + "add_embedding."] }
      ),
      (.stableDiffusion2, ["cond_stage_model.model."]),
    ] {
      if let start = starts.first(where: names.hasPrefix) {
        return .unsupportedFamily(family, evidence: "names start with '\(start)'")
      }
    }
    let parts = [
      ("double_blocks.", "Flux"), ("joint_blocks.", "Stable Diffusion 3"),
      ("controlnet_cond_embedding.", "a ControlNet"),
    ]
    // A ControlNet may stand beside the whole model that it was trained on, and a LoRA is named
    // after modules of a model: both count only where no component is there.
    let more =
      places.isEmpty
      ? [("control_model.", "a ControlNet"), (".lora_", "a LoRA"), ("lora_unet_", "a LoRA")] : []
    for (part, meaning) in parts + more {
      if let name = names.first(holding: part) {
        return .unknownFamily(hint: "'\(name)' looks like \(meaning)")
      }
    }
    return nil
  }

  private static func sign(
    in tensors: [TensorDescription], _ places: [ComponentPlace]
  ) -> LayoutError.Problem? {
    switch contextWidth(of: tensors) {
    case 1024?:
      return .unsupportedFamily(.stableDiffusion2, evidence: "cross-attention context of 1024")
    case let width? where width == 1280 || width == 2048:
      return .unsupportedFamily(.stableDiffusionXL, evidence: "cross-attention context of \(width)")
    default: break
    }
    if let linear = tensors.first(where: {
      $0.name.hasSuffix(".proj_in.weight") && $0.shape.rank == 2
    }) {
      return .unsupportedFamily(
        .stableDiffusion2, evidence: "'\(linear.name)' \(linear.shape) is a linear layer")
    }
    let tokens = tensors.first {
      $0.name.hasSuffix("embeddings.token_embedding.weight") && $0.shape.rank == 2
    }
    guard places.contains(where: { $0.component == .textEncoder }), let tokens else { return nil }
    switch tokens.shape.last {
    case 1024?:
      return .unsupportedFamily(.stableDiffusion2, evidence: "a text encoder of width 1024")
    case 1280?:
      return .unsupportedFamily(.stableDiffusionXL, evidence: "a text encoder of width 1280")
    default: return nil
    }
  }
}
