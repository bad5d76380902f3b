public import TensorCore

/// The account of a conversion: what became of every tensor of the source, and what the targets
/// lack.
public struct Ledger: Sendable, Hashable {
  /// What became of one tensor.
  public enum Fate: Sendable, Hashable {
    /// It goes on under this description.
    case mapped(to: TensorDescription)
    /// It is left behind, for a stated reason.
    case ignored(reason: String)
    /// No rule knows it.
    case unexplained
  }

  /// One tensor of the source and its fate.
  public struct Entry: Sendable, Hashable {
    /// The tensor as the source describes it.
    public let source: TensorDescription
    /// What became of it.
    public let fate: Fate
  }

  /// A target whose shape is not the one that the rest of the model asks for.
  public struct Misfit: Sendable, Hashable {
    /// The tensor as it is, under its target name.
    public let found: TensorDescription
    /// The shape it should have.
    public let expected: TensorShape
  }

  /// A target that nothing fills.
  public struct Missing: Sendable, Hashable {
    /// The name it would have.
    public let name: String
    /// The shape it should have.
    public let shape: TensorShape
  }

  /// Every tensor of the source, in its order.
  public internal(set) var entries: [Entry]
  /// Targets that nothing fills, with the shapes they should have.
  public internal(set) var missing: [Missing] = []
  /// Targets of the wrong shape.
  public internal(set) var misshapen: [Misfit] = []

  init(entries: [Entry]) { self.entries = entries }

  /// The tensors that go on, with their index in the source.
  public var mapped: [(index: Int, target: TensorDescription)] {
    entries.enumerated().compactMap { index, entry in
      if case .mapped(let target) = entry.fate { (index, target) } else { nil }
    }
  }

  /// The names of the tensors that no rule knows.
  public var unexplained: [String] {
    entries.filter { $0.fate == .unexplained }.map(\.source.name)
  }

  /// The number of tensors left behind, by reason, in the order of their first appearance.
  public var ignored: [(reason: String, count: Int)] {
    var counts: [(reason: String, count: Int)] = []
    for case .ignored(let reason) in entries.map(\.fate) {
      if let place = counts.firstIndex(where: { $0.reason == reason }) {
        counts[place].count += 1
      } else {
        counts.append((reason, 1))
      }
    }
    return counts
  }

  /// Whether nothing is unexplained, missing or misshapen.
  public var isClean: Bool { unexplained.isEmpty && missing.isEmpty && misshapen.isEmpty }

  /// Compares the targets with what the model needs.
  mutating func check(against expected: [(name: String, shape: TensorShape)]) {
    let found = Dictionary(
      mapped.map { ($0.target.name, $0.target) }, uniquingKeysWith: { first, _ in first })
    for (name, shape) in expected {
      if let target = found[name] {
        if target.shape != shape { misshapen.append(Misfit(found: target, expected: shape)) }
      } else {
        missing.append(Missing(name: name, shape: shape))
      }
    }
    let known = Set(expected.map(\.name))
    entries = entries.map { entry in
      guard case .mapped(let target) = entry.fate, !known.contains(target.name) else {
        return entry
      }
      return Entry(source: entry.source, fate: .unexplained)
    }
  }
}
