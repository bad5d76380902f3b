/// One tensor here whose rows are several tensors there: OpenCLIP's `in_proj_weight` holds the
/// matrices of query, key and value one below the other.
public struct FusedRule: Sendable, Hashable {
  /// The whole tensor's name in the layout that fuses.
  public var whole: String
  /// The names of its equal parts in the other layout, first rows first.
  public var parts: [String]

  /// Makes a rule.
  public init(_ whole: String, _ parts: [String]) {
    self.whole = whole
    self.parts = parts
  }

  /// The same rule below a prefix on either side.
  func below(_ wholePrefix: String, _ partPrefix: String) -> FusedRule {
    FusedRule(wholePrefix + whole, parts.map { partPrefix + $0 })
  }
}
