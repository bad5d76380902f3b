public import TensorCore

extension Ledger {
  /// The account of tensors that all go on as they are.
  public static func keeping(_ tensors: [TensorDescription]) -> Ledger {
    Ledger(
      sources: tensors,
      targets: tensors.enumerated().map { Target(description: $1, recipe: .source($0)) },
      leftovers: [:])
  }

  /// The account of tensors that are made as stated; what none is made of is left behind
  /// unexplained.
  public static func making(
    _ targets: [(tensor: TensorDescription, recipe: Recipe)], of sources: [TensorDescription]
  ) -> Ledger {
    Ledger(
      sources: sources,
      targets: targets.map { Target(description: $0.tensor, recipe: $0.recipe) }, leftovers: [:])
  }

  /// The account of this conversion and a next one, which takes this one's targets as its source.
  public func followed(by next: Ledger) -> Ledger {
    let recipes = targets.map(\.recipe)
    let composed = next.targets.map {
      Target(description: $0.description, recipe: $0.recipe.over(recipes))
    }
    var leftovers = ignoredFates
    for (target, entry) in zip(targets, next.entries) {
      guard case .ignored = entry.fate else { continue }
      for index in target.recipe.sources { leftovers[index] = entry.fate }
    }
    return Ledger(sources: entries.map(\.source), targets: composed, leftovers: leftovers)
  }

  /// The same account without some targets; their tensors are left behind for a stated reason.
  ///
  /// - Parameter refusal: why a target is not wanted; `nil` when it is.
  public func dropping(_ refusal: (Target) -> String?) -> Ledger {
    var kept: [Target] = []
    var leftovers = ignoredFates
    for target in targets {
      guard let reason = refusal(target) else {
        kept.append(target)
        continue
      }
      for index in target.recipe.sources { leftovers[index] = .ignored(reason: reason) }
    }
    guard kept.count < targets.count else { return self }
    var ledger = Ledger(sources: entries.map(\.source), targets: kept, leftovers: leftovers)
    ledger.adoptProblems(of: self)
    return ledger
  }

  /// The account of two sources together, one behind the other.
  public func joined(with other: Ledger) -> Ledger {
    let offset = entries.count
    var leftovers = ignoredFates
    for (index, fate) in other.ignoredFates { leftovers[index + offset] = fate }
    return Ledger(
      sources: entries.map(\.source) + other.entries.map(\.source),
      targets: targets
        + other.targets.map {
          Target(description: $0.description, recipe: $0.recipe.shifted(by: offset))
        },
      leftovers: leftovers)
  }

  /// The fates of the tensors that are left behind for a reason.
  var ignoredFates: [Int: Fate] {
    var fates: [Int: Fate] = [:]
    for (index, entry) in entries.enumerated() {
      if case .ignored = entry.fate { fates[index] = entry.fate }
    }
    return fates
  }
}
