public import TensorCore

/// What becomes of a tensor that travelled along without being part of the model.
public enum Carried: Sendable, Hashable {
  /// It travels on.
  case kept
  /// It stands under its own name again.
  case restored
  /// It is left behind, for a stated reason.
  case dropped(reason: String)
}

/// A layout as data: the rules from one naming to another and what is left behind.
public struct RuleTable: Sendable {
  /// The rules for modules and single tensors, in the order in which they were written.
  public let rules: [ModuleRule]
  /// Tensors of the source that are several of the target.
  public let fused: [FusedRule]
  /// Tensors of the source that together are one of the target.
  public let joins: [FusedRule]
  /// What is left behind, and why.
  private let ignored: IgnoreTable
  /// What becomes of a tensor that travelled along, by the name that it had.
  public let carried: @Sendable (String) -> Carried
  private let places: [Substring: Int]
  private let wholes: [String: Int]
  private let parts: [String: Int]

  /// Makes a table. Traps when two rules have one source: a table is our own data.
  public init(
    rules: [ModuleRule], fused: [FusedRule] = [], joins: [FusedRule] = [],
    ignored: [IgnoreRule] = [], carried: @escaping @Sendable (String) -> Carried = { _ in .kept }
  ) {
    self.carried = carried
    self.rules = rules
    self.fused = fused
    self.joins = joins
    self.ignored = IgnoreTable(ignored)
    places = Dictionary(uniqueKeysWithValues: rules.enumerated().map { ($1.source[...], $0) })
    wholes = Dictionary(uniqueKeysWithValues: fused.enumerated().map { ($1.whole, $0) })
    parts = Dictionary(
      uniqueKeysWithValues: joins.enumerated().flatMap { place, rule in
        rule.parts.map { ($0, place) }
      })
  }

  /// The table that leads back. Second spellings and ignored tensors have no way back.
  public var inverse: RuleTable { inverse { _ in .kept } }

  /// The table that leads back, with a place for what travelled along.
  func inverse(carried: @escaping @Sendable (String) -> Carried) -> RuleTable {
    RuleTable(
      rules: rules.filter { !$0.isAlias }.map {
        ModuleRule($0.target, $0.source, shape: $0.shape.inverse)
      }, fused: joins, joins: fused, carried: carried)
  }

  /// The tensor's description in the target layout: by a rule of its own, or by the innermost module
  /// that has one; `nil` when none has. A tensor that becomes a part gives the whole.
  public func target(of tensor: TensorDescription) -> TensorDescription? {
    if let place = parts[tensor.name] {
      let count = joins[place].parts.count
      let rows = tensor.shape.dimensions.first ?? 1
      return TensorDescription(
        name: joins[place].whole, elementType: tensor.elementType,
        shape: TensorShape([rows * count] + tensor.shape.dimensions.dropFirst()))
    }
    return step(for: tensor)?.target
  }

  /// What one rule makes of one tensor.
  private struct Step {
    let target: TensorDescription
    let isTransposed: Bool
  }

  private func step(for tensor: TensorDescription) -> Step? {
    guard tensor.name.utf8.count <= Names.longest else { return nil }
    var module = tensor.name[...]
    while true {
      if let place = places[module] {
        let rule = rules[place]
        let shape = rule.shape.apply(to: tensor.shape.dimensions)
        let target = TensorDescription(
          name: rule.target == rule.source
            ? tensor.name : rule.target + tensor.name[module.endIndex...],
          elementType: rule.shape.apply(to: tensor.elementType, tensor.shape),
          shape: shape == tensor.shape.dimensions ? tensor.shape : TensorShape(shape))
        return Step(
          target: target, isTransposed: rule.shape == .transpose && tensor.shape.rank == 2)
      }
      guard let (parent, _) = module.lastStep else { return nil }
      module = parent
    }
  }

  /// The equal parts of a tensor along its first dimension; `nil` when it has no such parts.
  private func parts(of tensor: TensorDescription) -> [TensorDescription]? {
    guard let place = wholes[tensor.name], let rows = tensor.shape.dimensions.first else {
      return nil
    }
    let names = fused[place].parts
    guard rows % names.count == 0 else { return nil }
    let shape = TensorShape([rows / names.count] + tensor.shape.dimensions.dropFirst())
    guard tensor.elementType.byteCount(for: shape) != nil else { return nil }
    return names.map { TensorDescription(name: $0, elementType: tensor.elementType, shape: shape) }
  }

  /// Accounts for every tensor: mapped once, ignored for a reason, or unexplained. The scales beside
  /// a weight go where it goes.
  ///
  /// - Throws: `LayoutError` when two tensors would fill one target.
  public func ledger(for tensors: [TensorDescription]) throws(LayoutError) -> Ledger {
    let companions = WeightCompanions(in: tensors)
    var leftovers: [Int: Ledger.Fate] = [:]
    var made = [[Ledger.Target]](repeating: [], count: tensors.count)
    let joined = joinedTargets(in: tensors)
    for (index, tensor) in tensors.enumerated() where companions.weights[index] == nil {
      if let whole = joined.wholes[index] {
        made[index] = [whole]
      } else if !joined.parts.contains(index) {
        (made[index], leftovers[index]) = fate(of: tensor, at: index)
      }
    }
    if !companions.isEmpty {
      try place(companions, of: tensors, into: &made, &leftovers)
    }
    var filled: [String: String] = [:]
    filled.reserveCapacity(tensors.count)
    for (targets, tensor) in zip(made, tensors) {
      for target in targets {
        if let first = filled.updateValue(tensor.name, forKey: target.description.name) {
          throw LayoutError(
            .duplicateTarget(target.description.name, first: first, second: tensor.name))
        }
      }
    }
    return Ledger(sources: tensors, targets: made.flatMap { $0 }, leftovers: leftovers)
  }

  /// What becomes of a tensor that is no part of a joined one.
  private func fate(
    of tensor: TensorDescription, at index: Int
  ) -> (made: [Ledger.Target], left: Ledger.Fate?) {
    if CarriedName.isCarried(tensor.name) {
      var target = tensor
      switch carried(CarriedName.original(tensor.name)) {
      case .kept: break
      case .restored: target.name = CarriedName.original(tensor.name)
      case .dropped(let reason): return ([], .ignored(reason: reason))
      }
      return ([Ledger.Target(description: target, recipe: .source(index))], nil)
    }
    if let parts = parts(of: tensor) {
      let targets = parts.enumerated().map {
        Ledger.Target(
          description: $1, recipe: .rows(of: .source(index), part: $0, count: parts.count))
      }
      return (targets, nil)
    }
    if places[tensor.name[...]] == nil, let rule = ignored.rule(covering: tensor.name) {
      guard rule.isCarried else { return ([], .ignored(reason: rule.reason)) }
      var carried = tensor
      carried.name = CarriedName.prefix + tensor.name
      return (
        [Ledger.Target(description: carried, recipe: .source(index))],
        .ignored(reason: rule.reason)
      )
    }
    guard let step = step(for: tensor) else { return ([], nil) }
    let recipe: Recipe = step.isTransposed ? .transposed(.source(index)) : .source(index)
    return ([Ledger.Target(description: step.target, recipe: recipe)], nil)
  }

  /// The targets made of several tensors, by the index of the first one, and the other indices.
  private func joinedTargets(
    in tensors: [TensorDescription]
  ) -> (wholes: [Int: Ledger.Target], parts: Set<Int>) {
    var wholes: [Int: Ledger.Target] = [:]
    var others: Set<Int> = []
    guard !joins.isEmpty else { return (wholes, others) }
    var found: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() where parts[tensor.name] != nil {
      found[tensor.name] = index
    }
    for rule in joins {
      let indices = rule.parts.compactMap { found[$0] }
      guard indices.count == rule.parts.count, let first = indices.first,
        indices.allSatisfy({
          tensors[$0].shape == tensors[first].shape
            && tensors[$0].elementType == tensors[first].elementType
        }), let whole = target(of: tensors[first])
      else { continue }
      let place = indices.min() ?? first
      wholes[place] = Ledger.Target(
        description: whole, recipe: .joined(indices.map { .source($0) }))
      others.formUnion(indices.filter { $0 != place })
    }
    return (wholes, others)
  }
}
