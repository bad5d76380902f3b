/// One line of a layout: a module's name here and there. Everything below the module keeps its
/// name, so `("conv_in", "in")` also carries `conv_in.weight` and `conv_in.bias`.
public struct ModuleRule: Sendable, Hashable {
  /// The module's full name in the source layout.
  public var source: String
  /// The module's full name in the target layout.
  public var target: String
  /// What happens to its tensors.
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
