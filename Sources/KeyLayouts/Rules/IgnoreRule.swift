internal import TensorCore

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
    case .part(let part):
      name.holdsBytes(of: part) && name.dottedParts.dropLast().contains(part[...])
    case .tail(let tail): name == tail || name.hasSuffix("." + tail)
    }
  }
}

/// Rules in their order, found by the components that they ask for: most names are no rule's, and to
/// try every rule on each takes longer than all other reading.
struct IgnoreTable: Sendable {
  private let rules: [IgnoreRule]
  /// By the first component of whole names and modules, and by the last one of tails, the places of
  /// rules.
  private var byFirst: [Substring: [Int]] = [:]
  private var byLast: [Substring: [Int]] = [:]
  /// Those for a component that may stand anywhere.
  private var parts: [Int] = []

  init(_ rules: [IgnoreRule]) {
    self.rules = rules
    for (place, rule) in rules.enumerated() {
      switch rule.pattern {
      case .name(let front), .module(let front):
        byFirst[front.firstComponent, default: []].append(place)
      case .tail(let tail): byLast[tail.lastComponent, default: []].append(place)
      case .part: parts.append(place)
      }
    }
  }

  /// The first rule that covers a name.
  func rule(covering name: String) -> IgnoreRule? {
    let candidates =
      (byFirst[name.firstComponent] ?? []) + (byLast[name.lastComponent] ?? []) + parts
    return candidates.filter { rules[$0].covers(name) }.min().map { rules[$0] }
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
