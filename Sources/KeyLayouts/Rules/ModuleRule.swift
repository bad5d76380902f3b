/// One line of a layout: a module's name here and there. Everything below the module keeps its
/// name, so `("conv_in", "in")` also carries `conv_in.weight` and `conv_in.bias`.
public struct ModuleRule: Sendable, Hashable {
  /// The module's full name in the source layout.
  public var source: String
  /// The module's full name in the target layout.
  public var target: String
  /// What happens to the shapes of its tensors.
  public var shape: ShapeAction
  /// Whether the rule only reads: a second spelling of a target, skipped in the inverse.
  public var isAlias: Bool

  /// Makes a rule.
  public init(
    _ source: String, _ target: String, shape: ShapeAction = .keep, isAlias: Bool = false
  ) {
    self.source = source
    self.target = target
    self.shape = shape
    self.isAlias = isAlias
  }

  /// The same rule below a prefix on either side.
  func below(_ sourcePrefix: String, _ targetPrefix: String) -> ModuleRule {
    ModuleRule(sourcePrefix + source, targetPrefix + target, shape: shape, isAlias: isAlias)
  }
}

/// Why a tensor of the source is left behind, and which ones.
public struct IgnoreRule: Sendable, Hashable {
  /// How names are matched.
  public enum Pattern: Sendable, Hashable {
    /// The whole name.
    case name(String)
    /// The name's first components.
    case module(String)
    /// The name's last components.
    case tail(String)
  }

  /// How names are matched.
  public let pattern: Pattern
  /// The reason, as reports print it.
  public let reason: String

  /// Makes a rule.
  public init(_ pattern: Pattern, reason: String) {
    self.pattern = pattern
    self.reason = reason
  }

  /// Whether the rule covers a name. Components match whole: `loss` does not cover `lossy.weight`.
  func covers(_ name: String) -> Bool {
    switch pattern {
    case .name(let whole): name == whole
    case .module(let module): name.hasPrefix(module + ".")
    case .tail(let tail): name == tail || name.hasSuffix("." + tail)
    }
  }
}
