/// Something about a model that will trouble somebody, or already does.
public struct Finding: Sendable, Hashable {
  /// How much it matters.
  public enum Severity: String, Sendable, Hashable, CaseIterable {
    /// The model does not work, or draws something else than it should.
    case error
    /// Some readers refuse the model or draw something else.
    case warning
    /// Harmless; good to know.
    case note
  }

  /// The check that found it: `position-ids`.
  public let check: String
  /// How much it matters.
  public let severity: Severity
  /// What is wrong, in one line.
  public let what: String
  /// The names of the tensors concerned, in the model's own names; all of them.
  public let tensors: [String]
  /// Why it matters.
  public let why: String
  /// What a repair does; `nil` when there is none.
  public let repair: String?
  /// What else can be done about it.
  public let advice: String?

  init(
    _ check: String, _ severity: Severity, _ what: String, tensors: [String] = [], why: String,
    repair: String? = nil, advice: String? = nil
  ) {
    self.check = check
    self.severity = severity
    self.what = what
    self.tensors = tensors
    self.why = why
    self.repair = repair
    self.advice = advice
  }
}

/// A number of things in words: `1 tensor`, `12 tensors`.
func counted(_ count: Int, _ thing: String) -> String {
  "\(count) \(thing)\(count == 1 ? "" : "s")"
}
