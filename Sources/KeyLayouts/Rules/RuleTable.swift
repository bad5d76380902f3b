public import TensorCore

/// A layout as data: the rules from one naming to another and what is left behind.
public struct RuleTable: Sendable {
  /// The rules, in the order in which they were written.
  public let rules: [ModuleRule]
  /// What is left behind, and why.
  public let ignored: [IgnoreRule]
  private let places: [String: Int]

  /// Makes a table. Traps when two rules have one source: a table is our own data.
  public init(rules: [ModuleRule], ignored: [IgnoreRule] = []) {
    self.rules = rules
    self.ignored = ignored
    places = Dictionary(uniqueKeysWithValues: rules.enumerated().map { ($1.source, $0) })
  }

  /// The table that leads back. Second spellings and ignored tensors have no way back.
  public var inverse: RuleTable {
    RuleTable(
      rules: rules.filter { !$0.isAlias }.map {
        ModuleRule($0.target, $0.source, shape: $0.shape.inverse)
      })
  }

  /// The tensor's description in the target layout, by the innermost module that has a rule;
  /// `nil` when none has.
  public func target(of tensor: TensorDescription) -> TensorDescription? {
    var module = Substring(tensor.name)
    while true {
      if let place = places[String(module)] {
        let rule = rules[place]
        let shape = rule.shape.apply(to: tensor.shape.dimensions)
        return TensorDescription(
          name: rule.target + tensor.name[module.endIndex...], elementType: tensor.elementType,
          shape: shape == tensor.shape.dimensions ? tensor.shape : TensorShape(shape))
      }
      guard let dot = module.lastIndex(of: ".") else { return nil }
      module = module[..<dot]
    }
  }

  /// Accounts for every tensor: mapped once, ignored for a reason, or unexplained.
  ///
  /// - Throws: `LayoutError` when two tensors would fill one target.
  public func ledger(for tensors: [TensorDescription]) throws(LayoutError) -> Ledger {
    var filled: [String: String] = [:]
    var entries: [Ledger.Entry] = []
    entries.reserveCapacity(tensors.count)
    for tensor in tensors {
      let fate: Ledger.Fate
      if let rule = ignored.first(where: { $0.covers(tensor.name) }) {
        fate = .ignored(reason: rule.reason)
      } else if let target = target(of: tensor) {
        if let first = filled.updateValue(tensor.name, forKey: target.name) {
          throw LayoutError(
            .duplicateTarget(target.name, first: first, second: tensor.name))
        }
        fate = .mapped(to: target)
      } else {
        fate = .unexplained
      }
      entries.append(Ledger.Entry(source: tensor, fate: fate))
    }
    return Ledger(entries: entries)
  }
}
