public import KeyLayouts
internal import TensorCore

/// What of an adapter a merge used.
public struct AdapterOutcome: Sendable, Hashable {
  /// A module or tensor that changed nothing, and why.
  public struct Leftover: Sendable, Hashable {
    /// The name that the file has for it.
    public let name: String
    /// The reason.
    public let reason: String
    /// Whether it is known and never part of a merge: an embedding bundled with the LoRA.
    public let isKnown: Bool
  }

  /// The adapter's file.
  public let path: String
  /// The user's strength.
  public let strength: Double
  /// The number of modules that were applied.
  public let applied: Int
  /// The number of modules in the file.
  public let total: Int
  /// The number of applied modules by form: LoRA, LoHa, norm.
  public let kinds: [String: Int]
  /// What was not applied.
  public let leftovers: [Leftover]
  /// How many of the applied modules change nothing, because all their values, or alpha, are zero.
  public var idle = 0
  /// What the file says it was trained for, where the model is of another family.
  public var otherOrigin: AdapterOrigin?

  /// What the user should know of.
  public var surprises: [Leftover] { leftovers.filter { !$0.isKnown } }
}

extension AdapterOutcome.Leftover {
  /// The tensors of a file that are no part of its modules.
  static func all(of file: AdapterFile) -> [AdapterOutcome.Leftover] {
    file.leftovers.map {
      AdapterOutcome.Leftover(
        name: file.tensors[$0.index].name, reason: $0.reason, isKnown: $0.isKnown)
    }
  }
}
