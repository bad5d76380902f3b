/// Why a tensor of the source has no place in the model, and which ones.
public struct IgnoreRule: Sendable, Hashable {
  /// How names are matched. Components match whole: `loss` does not cover `lossy.weight`.
  public enum Pattern: Sendable, Hashable {
    /// The whole name.
    case name(String)
    /// The name's first components.
    case module(String)
    /// The name's last components.
    case tail(String)
    /// A component anywhere in the name but at its end.
    case part(String)
  }

  /// How names are matched.
  public let pattern: Pattern
  /// The reason, as reports print it.
  public let reason: String
  /// Whether the tensor cannot be made again, so that it travels along under another name to stand
  /// in its place when the original layout is written.
  public let isCarried: Bool

  /// Makes a rule.
  public init(_ pattern: Pattern, reason: String, isCarried: Bool = false) {
    self.pattern = pattern
    self.reason = reason
    self.isCarried = isCarried
  }

  /// Whether the rule covers a name.
  func covers(_ name: String) -> Bool {
    switch pattern {
    case .name(let whole): name == whole
    case .module(let module): name.hasPrefix(module + ".")
    case .part(let part): name.hasPrefix(part + ".") || name.holdsBytes(of: ".\(part).")
    case .tail(let tail): name == tail || name.hasSuffix("." + tail)
    }
  }
}

/// The names of tensors that travel along without being part of the model.
package enum CarriedName {
  /// What they start with.
  static let prefix = module + "."
  /// The module below which they stand.
  static let module = "original"

  /// Whether a canonical name is of such a tensor.
  package static func isCarried(_ name: String) -> Bool { name.hasPrefix(prefix) }

  /// The name that the tensor had.
  static func original(_ name: String) -> String { String(name.dropFirst(prefix.count)) }
}
