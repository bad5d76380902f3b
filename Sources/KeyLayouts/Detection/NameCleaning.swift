internal import TensorCore

/// What wrappers and careless tools leave around a name: the levels of `torch.compile` and
/// `DataParallel`, wherever they stand, a component's prefix written twice or in two ways, and the level
/// of a trainer above it.
public enum NameCleaning {
  private static let wrappers: Set<Substring> = ["_orig_mod", "module"]

  /// What the same component's names start with: of several, one behind the other, the last counts.
  private static let prefixes = [
    ["model.diffusion_model.", "diffusion_model.", "unet."], ["first_stage_model.", "vae."],
    ["cond_stage_model.transformer.", "cond_stage_model.model.", "cond_stage_model."],
    ["conditioner.embedders.0.transformer."], ["conditioner.embedders.0.model."],
    ["conditioner.embedders.1.model."], ["conditioner."], ["text_encoder."], ["text_encoder_2."],
    ["control_model.", "controlnet."],
  ]

  /// What a U-Net is called when it was wrapped once more before it was saved; of all, `unet` is left.
  private static let rewrapped = [
    "model.diffusion_model.diffusion_model.", "diffusion_model.model.diffusion_model.",
  ]
  private static let unet = "model.diffusion_model."
  /// A level of text encoders, and the same twice.
  private static let (level, doubledLevel) = ("text_model.", "text_model.text_model.")

  /// The level of a whole trainer, and what stands below it.
  private static let trainer = "model."
  private static let parts = [
    "model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "conditioner.",
    "control_model.", "model_ema.",
  ]

  /// Whether a name is of what stands in a trainer itself.
  private static func isTrainers(_ name: Substring) -> Bool {
    starts(name, with: parts) || LeftBehind.schedule.contains(String(name))
  }

  /// The name without them.
  public static func clean(_ name: String) -> String {
    var cleaned = name
    if name.holdsBytes(of: "mod") {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      let kept = parts.filter { !wrappers.contains($0) }
      if kept.count < parts.count, !kept.isEmpty { cleaned = kept.joined(separator: ".") }
    }
    while cleaned.hasPrefix(trainer), isTrainers(cleaned.dropFirst(trainer.count)) {
      cleaned.removeFirst(trainer.count)
    }
    for prefix in rewrapped {
      while cleaned.hasPrefix(prefix) { cleaned = unet + cleaned.dropFirst(prefix.count) }
    }
    for group in prefixes {
      while let prefix = group.first(where: cleaned.hasPrefix),
        starts(cleaned.dropFirst(prefix.count), with: group)
      {
        cleaned.removeFirst(prefix.count)
      }
    }
    while cleaned.holdsBytes(of: doubledLevel) {
      cleaned = cleaned.replacing(doubledLevel, with: level)
    }
    return cleaned
  }

  private static func starts(_ name: Substring, with prefixes: [String]) -> Bool {
    prefixes.contains { name.hasPrefix($0) }
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
