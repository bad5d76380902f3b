public import KeyLayouts
internal import TensorCore

/// Runs a model's components on the inputs of a reference and compares what they give.
public struct Validator {
  /// The model.
  let model: CanonicalModel
  /// What transformers and diffusers computed for it.
  let reference: ReferenceBundle

  /// Brings a model and its reference together.
  ///
  /// - Throws: `ReferenceError` when the reference was made for another model.
  public init(model: CanonicalModel, reference: ReferenceBundle) throws {
    self.model = model
    self.reference = reference
    try ModelIdentity(reference: reference).check(model)
  }

  /// Validates one component.
  ///
  /// - Throws: `ReferenceError` when the reference does not hold what the component needs; the
  ///   model's own errors when a weight is missing or misshapen.
  public func validate(_ component: ComponentName) throws -> ValidationReport {
    guard isRecorded(component) else {
      throw ReferenceError(
        path: reference.path,
        problem: .notRecorded(component: component.rawValue, recorded: reference.components))
    }
    return report([try verdict(component)])
  }

  /// Validates every component that the reference covers, in order.
  ///
  /// - Parameter progress: told about each component before it runs.
  /// - Throws: as `validate`.
  public func validateAll(
    progress: (ComponentName) -> Void = { _ in }
  ) throws -> ValidationReport {
    report(
      try ComponentName.allCases.map { component in
        guard isRecorded(component) else {
          return ComponentVerdict(skipping: component, reason: "the reference does not hold it")
        }
        progress(component)
        return try verdict(component)
      })
  }

  private func isRecorded(_ component: ComponentName) -> Bool {
    reference.components.contains(component.rawValue)
  }

  private func report(_ verdicts: [ComponentVerdict]) -> ValidationReport {
    ValidationReport(model: model.origin, reference: reference.path, verdicts: verdicts)
  }

  private func verdict(_ component: ComponentName) throws -> ComponentVerdict {
    let checks =
      switch component {
      case .tokenizer: try checkTokenizer()
      case .clip: try checkTextEncoder()
      case .unet: try checkUNet()
      case .vae: try checkVAE()
      case .scheduler: try checkSchedulers()
      }
    return ComponentVerdict(component: component, checks: checks)
  }
}
