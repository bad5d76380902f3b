internal import TensorCore

/// What wrappers and careless tools leave around a name: the levels of `torch.compile` and
/// `DataParallel`, wherever they stand, and a component's prefix written twice.
public enum NameCleaning {
  private static let wrappers: Set<Substring> = ["_orig_mod", "module"]

  private static let prefixes = [
    "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer.",
    "cond_stage_model.model.", "cond_stage_model.", "conditioner.embedders.0.transformer.",
    "conditioner.embedders.0.model.", "conditioner.embedders.1.model.", "conditioner.",
    "control_model.", "diffusion_model.", "unet.", "vae.", "text_encoder.", "text_encoder_2.",
    "controlnet.",
  ]

  /// What a U-Net is called when it was wrapped once more before it was saved; of all, `unet` is left.
  private static let rewrapped = [
    "model.diffusion_model.diffusion_model.", "diffusion_model.model.diffusion_model.",
    "model.model.diffusion_model.",
  ]
  private static let unet = "model.diffusion_model."
  /// A level of text encoders, and the same twice.
  private static let (level, doubledLevel) = ("text_model.", "text_model.text_model.")

  /// The name without them.
  public static func clean(_ name: String) -> String {
    var cleaned = name
    if name.holdsBytes(of: "mod") {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      let kept = parts.filter { !wrappers.contains($0) }
      if kept.count < parts.count, !kept.isEmpty { cleaned = kept.joined(separator: ".") }
    }
    for prefix in prefixes {
      while cleaned.hasPrefix(prefix), cleaned.dropFirst(prefix.count).hasPrefix(prefix) {
        cleaned.removeFirst(prefix.count)
      }
    }
    for prefix in rewrapped {
      while cleaned.hasPrefix(prefix) { cleaned = unet + cleaned.dropFirst(prefix.count) }
    }
    while cleaned.holdsBytes(of: doubledLevel) {
      cleaned = cleaned.replacing(doubledLevel, with: level)
    }
    return cleaned
  }

  /// The tensors under clean names.
  ///
  /// - Throws: `LayoutError` when two tensors would have one name.
  static func clean(_ tensors: [TensorDescription]) throws(LayoutError) -> [TensorDescription] {
    var cleaned = tensors
    var isChanged = false
    for (place, tensor) in tensors.enumerated() {
      let name = clean(tensor.name)
      guard name != tensor.name else { continue }
      cleaned[place].name = name
      isChanged = true
    }
    guard isChanged else { return tensors }
    var found: [String: String] = [:]
    for (place, tensor) in tensors.enumerated() {
      if let first = found.updateValue(tensor.name, forKey: cleaned[place].name),
        first != tensor.name
      {
        throw LayoutError(
          .duplicateTarget(cleaned[place].name, first: first, second: tensor.name))
      }
    }
    return cleaned
  }
}
