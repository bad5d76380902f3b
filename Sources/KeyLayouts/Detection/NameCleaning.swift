internal import TensorCore

/// What wrappers and careless tools leave around a name: the levels of `torch.compile` and
/// `DataParallel`, wherever they stand, a component's prefix written twice or in two ways, and the level
/// of a trainer above it.
public enum NameCleaning {
  private static let wrappers = ["_orig_mod", "module"]

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
    var cleaned = unwrap(name)
    while let inner = cleaned[...].behind(trainer), isTrainers(inner) {
      cleaned = String(inner)
    }
    for prefix in rewrapped {
      while let inner = cleaned[...].behind(prefix) { cleaned = unet + inner }
    }
    for group in prefixes {
      while let prefix = group.first(where: cleaned.hasPrefix),
        let inner = cleaned[...].behind(prefix), starts(inner, with: group)
      {
        cleaned = String(inner)
      }
    }
    while cleaned.holdsBytes(of: doubledLevel) {
      cleaned = cleaned.replacing(doubledLevel, with: level)
    }
    return cleaned
  }

  /// The name without the wrappers' components, unless it has no others.
  private static func unwrap(_ name: String) -> String {
    guard wrappers.contains(where: name.holdsBytes) else { return name }
    let kept = name.dottedParts.filter { part in !wrappers.contains { $0 == part } }
    return kept.isEmpty ? name : kept.joined(separator: ".")
  }

  private static func starts(_ name: Substring, with prefixes: [String]) -> Bool {
    prefixes.contains { name.behind($0) != nil }
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
