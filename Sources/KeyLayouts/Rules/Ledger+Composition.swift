public import TensorCore

extension Ledger {
  /// The account of tensors that all go on as they are.
  public static func keeping(_ tensors: [TensorDescription]) -> Ledger {
    Ledger(entries: tensors.map { Entry(source: $0, fate: .mapped(to: $0)) })
  }

  /// The account of this conversion and a next one, which takes this one's targets as its source.
  public func followed(by next: Ledger) -> Ledger {
    let fates = Dictionary(
      next.entries.map { ($0.source.name, $0.fate) }, uniquingKeysWith: { first, _ in first })
    var composed = self
    composed.entries = entries.map { entry in
      guard case .mapped(let target) = entry.fate else { return entry }
      return Entry(source: entry.source, fate: fates[target.name] ?? .unexplained)
    }
    return composed
  }
}
