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

  /// Validates one component, or whole generations, whatever the components do.
  ///
  /// - Parameter progress: told before the component runs and, in whole generations, about every
  ///   evaluation of the U-Net.
  /// - Throws: `ReferenceError` when the reference does not hold what the component needs; the
  ///   model's own errors when a weight is missing or misshapen.
  public func validate(
    _ component: ComponentName, progress: (ValidationProgress) -> Void = { _ in }
  ) throws -> ValidationReport {
    guard isRecorded(component) else {
      throw ReferenceError(
        path: reference.path,
        problem: .notRecorded(component: component.rawValue, recorded: reference.components))
    }
    return report([try verdict(component, progress)])
  }

  /// Validates every component that the reference covers, in order, and whole generations when
  /// every component passed: a picture from a broken component proves nothing.
  ///
  /// - Parameter progress: as in `validate`.
  /// - Throws: as `validate`.
  public func validateAll(
    progress: (ValidationProgress) -> Void = { _ in }
  ) throws -> ValidationReport {
    var verdicts: [ComponentVerdict] = []
    for component in ComponentName.allCases {
      if let reason = reasonToSkip(component, after: verdicts) {
        verdicts.append(ComponentVerdict(skipping: component, reason: reason))
      } else {
        verdicts.append(try verdict(component, progress))
      }
    }
    return report(verdicts)
  }

  private func reasonToSkip(_ component: ComponentName, after verdicts: [ComponentVerdict])
    -> String?
  {
    guard isRecorded(component) else { return "the reference does not hold it" }
    guard component == .generation,
      let first = verdicts.first(where: { $0.outcome != .passed })
    else { return nil }
    let what = first.outcome == .failed ? "failed" : "was not checked"
    return "not run, because \(first.component.rawValue) \(what)"
  }

  private func isRecorded(_ component: ComponentName) -> Bool {
    reference.components.contains(component.rawValue)
  }

  private func report(_ verdicts: [ComponentVerdict]) -> ValidationReport {
    ValidationReport(model: model.origin, reference: reference.path, verdicts: verdicts)
  }

  private func verdict(
    _ component: ComponentName, _ progress: (ValidationProgress) -> Void
  ) throws -> ComponentVerdict {
    progress(ValidationProgress(component: component))
    if let network = component.network { try model.require([network]) }
    let checks =
      switch component {
      case .tokenizer: try checkTokenizer()
      case .clip: try checkTextEncoder()
      case .unet: try checkUNet()
      case .vae: try checkVAE()
      case .scheduler: try checkSchedulers()
      case .generation: try checkGeneration(progress: progress)
      }
    return ComponentVerdict(component: component, checks: checks)
  }
}

extension ComponentName {
  /// The part of the model that runs, where it is a single one.
  fileprivate var network: Component? {
    switch self {
    case .clip: .textEncoder
    case .unet: .unet
    case .vae: .vae
    case .tokenizer, .scheduler, .generation: nil
    }
  }
}

/// How far a validation is.
public struct ValidationProgress: Sendable, Hashable {
  /// The component that is running.
  public let component: ComponentName
  /// The number of the picture being drawn, and how many there are; zero for other components.
  public private(set) var part = 0
  /// How many pictures there are.
  public private(set) var parts = 0
  /// Evaluations of the U-Net that are done for this picture.
  public private(set) var done = 0
  /// Evaluations of the U-Net that this picture takes.
  public private(set) var total = 0
}
