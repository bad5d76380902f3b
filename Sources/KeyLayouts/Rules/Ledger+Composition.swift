public import TensorCore

extension Ledger {
  /// The account of tensors that all go on as they are.
  public static func keeping(_ tensors: [TensorDescription]) -> Ledger {
    Ledger(
      sources: tensors,
      targets: tensors.enumerated().map { Target(description: $1, recipe: .source($0)) },
      leftovers: [:])
  }

  /// The account of this conversion and a next one, which takes this one's targets as its source.
  public func followed(by next: Ledger) -> Ledger {
    let recipes = targets.map(\.recipe)
    let composed = next.targets.map {
      Target(description: $0.description, recipe: $0.recipe.over(recipes))
    }
    var leftovers: [Int: Fate] = [:]
    for (index, entry) in entries.enumerated() {
      if case .ignored = entry.fate { leftovers[index] = entry.fate }
    }
    for (target, entry) in zip(targets, next.entries) {
      guard case .ignored = entry.fate else { continue }
      for index in target.recipe.sources { leftovers[index] = entry.fate }
    }
    return Ledger(sources: entries.map(\.source), targets: composed, leftovers: leftovers)
  }

  /// The same account without the targets that a condition does not want; their tensors are left
  /// behind for a stated reason.
  public func keeping(
    _ isWanted: (TensorDescription) -> Bool, otherwise reason: String
  ) -> Ledger {
    let sources = targets.map(\.description)
    let wanted = sources.enumerated().filter { isWanted($1) }
    guard wanted.count < sources.count else { return self }
    return followed(
      by: Ledger(
        sources: sources,
        targets: wanted.map { Target(description: $1, recipe: .source($0)) },
        leftovers: Dictionary(
          uniqueKeysWithValues: sources.indices.map { ($0, .ignored(reason: reason)) })))
  }
}
