/// The parts that can be validated, in the order in which `all` runs them.
public enum ComponentName: String, Sendable, Hashable, CaseIterable {
  /// The CLIP tokenizer.
  case tokenizer
  /// The CLIP text encoder.
  case clip
  /// The U-Net.
  case unet
  /// The autoencoder: encode, decode, round trip.
  case vae
  /// The noise schedules.
  case scheduler
  /// Whole pictures, by all of the above together.
  case generation
}

/// How one component did.
public struct ComponentVerdict: Sendable, Hashable {
  /// What became of it.
  public enum Outcome: Sendable, Hashable {
    /// Every check within its bound.
    case passed
    /// At least one check out of its bound.
    case failed
    /// Not run, and why.
    case skipped(reason: String)
  }

  /// The component.
  public let component: ComponentName
  /// What became of it.
  public let outcome: Outcome
  /// The checks, in order.
  public let checks: [Check]

  init(component: ComponentName, checks: [Check]) {
    self.component = component
    self.checks = checks
    outcome = checks.allSatisfy(\.isPassed) ? .passed : .failed
  }

  init(skipping component: ComponentName, reason: String) {
    self.component = component
    checks = []
    outcome = .skipped(reason: reason)
  }

  /// The time of its checks, in seconds.
  public var seconds: Double { checks.reduce(0) { $0 + $1.seconds } }
}

/// The outcome of a validation.
public struct ValidationReport: Sendable, Hashable {
  /// The model, as the user named it.
  public let model: String
  /// The reference's path, as the user named it.
  public let reference: String
  /// The verdicts, in order of running.
  public let verdicts: [ComponentVerdict]

  /// Whether every component that the reference covers passed.
  public var isPassed: Bool {
    verdicts.allSatisfy { $0.outcome != .failed }
      && verdicts.contains { $0.outcome == .passed }
  }
}
