public import TensorCore

/// The family of components that do not tell it (a VAE, a text encoder in transformers' names), by
/// what stands beside the tensors.
public struct FamilyHint: Sendable, Hashable {
  /// The family.
  public let family: Family
  /// The observation, in one line.
  public let evidence: String

  /// The key of the metadata under which a result says what its tensors do not.
  public static let key = "assay.family"

  /// What the user or another model says.
  init(asserted family: Family) {
    self.family = family
    evidence = "\(family.title), as said"
  }

  /// Looks through metadata and stated configurations, the surest first: what a conversion noted,
  /// the text encoder's activation, `modelspec.architecture`. Of the text encoders that stand in
  /// `text_encoder` only Stable Diffusion 2.x's is OpenCLIP's, with its exact GELU.
  ///
  /// Source of the names of architectures: Stability-AI/ModelSpec, `README.md`.
  init?(metadata: JSONObject, textEncoder: JSONObject?) {
    if let text = metadata[Self.key]?.stringValue, let family = Family(rawValue: text) {
      self.family = family
      evidence = "\(Self.key) '\(text)' in the metadata"
    } else if textEncoder?["hidden_act"]?.stringValue == "gelu" {
      family = .stableDiffusion2
      evidence = "a text encoder with the activation 'gelu'"
    } else if let text = metadata["modelspec.architecture"]?.stringValue,
      let found = Self.architectures.first(where: { text.hasPrefix($0.name) })
    {
      family = found.family
      evidence = "modelspec.architecture '\(text)' in the metadata"
    } else {
      return nil
    }
  }

  /// What metadata have to say beside tensors that would be taken for another family's; `nil` where
  /// they tell their own.
  public static func note(of family: Family, beside tensors: [TensorDescription]) -> String? {
    guard let found = try? Detection(of: tensors).family, found != family else { return nil }
    return family.rawValue
  }

  private static let architectures: [(name: String, family: Family)] = [
    ("stable-diffusion-v1", .stableDiffusion1), ("stable-diffusion-v2", .stableDiffusion2),
    ("stable-diffusion-xl-v1-refiner", .stableDiffusionXLRefiner),
    ("stable-diffusion-xl-v1", .stableDiffusionXL),
  ]
}
