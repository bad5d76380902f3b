public import TensorCore

/// The account of a conversion: what became of every tensor of the source, how each target is made,
/// and what the targets lack.
public struct Ledger: Sendable, Hashable {
  /// What became of one tensor.
  public enum Fate: Sendable, Hashable {
    /// It goes on under this description.
    case mapped(to: TensorDescription)
    /// Its rows go on as these tensors.
    case split(into: [TensorDescription])
    /// It goes on as a part of this tensor.
    case part(of: TensorDescription)
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
    /// Its name in the file, where the user's own table gave it the one that `source` has.
    public var nameBefore: String?
  }

  /// A tensor of the result.
  public struct Target: Sendable, Hashable {
    /// Its name, element type and shape.
    public let description: TensorDescription
    /// How it is made of the source's tensors.
    public let recipe: Recipe
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
  public private(set) var entries: [Entry]
  /// The tensors of the result, in the order of the first tensor that each is made of.
  public private(set) var targets: [Target]
  /// Targets that nothing fills, with the shapes they should have.
  public private(set) var missing: [Missing] = []
  /// Targets of the wrong shape.
  public private(set) var misshapen: [Misfit] = []

  /// Makes an account.
  ///
  /// - Parameter leftovers: the fate of each tensor that no target draws on, where one is known.
  init(sources: [TensorDescription], targets: [Target], leftovers: [Int: Fate]) {
    self.targets = targets
    // Nearly every tensor goes on as one target.
    var first = [Int?](repeating: nil, count: sources.count)
    var more: [Int: [TensorDescription]] = [:]
    for (place, target) in targets.enumerated() {
      for index in target.recipe.distinctSources {
        if first[index] == nil {
          first[index] = place
        } else {
          more[index, default: []].append(target.description)
        }
      }
    }
    entries = sources.enumerated().map { index, source in
      guard let target = first[index].map({ targets[$0] }) else {
        return Entry(source: source, fate: leftovers[index] ?? .unexplained)
      }
      let fate: Fate =
        if let others = more[index] {
          .split(into: [target.description] + others)
        } else if target.recipe.isWhole {
          .mapped(to: target.description)
        } else if target.recipe.sources.count > 1 {
          .part(of: target.description)
        } else {
          .split(into: [target.description])
        }
      return Entry(source: source, fate: fate)
    }
  }

  /// Compares the targets with what the model needs. What it does not need and does not carry along
  /// is unexplained.
  ///
  /// - Parameter unchecked: components of which nobody knows what they need.
  mutating func check(
    against expected: [(name: String, shape: TensorShape)], except unchecked: [Component] = []
  ) {
    let found = Dictionary(
      zip(targets, StoredForms.unpacked(targets.map(\.description))).map { target, layer in
        (target.description.name, (target: target.description, shape: layer.shape))
      }, uniquingKeysWith: { first, _ in first })
    for (name, shape) in expected {
      if let (target, unpacked) = found[name] {
        if let unpacked, unpacked != shape {
          misshapen.append(Misfit(found: target, expected: shape))
        }
      } else {
        missing.append(Missing(name: name, shape: shape))
      }
    }
    let known = Set(expected.map(\.name))
    let descriptions = targets.map(\.description)
    let companions = WeightCompanions(in: descriptions)
    let kept = targets.enumerated().filter { place, target in
      let name = companions.weights[place].map { descriptions[$0].name } ?? target.description.name
      return known.contains(name) || CarriedName.isCarried(name)
        || ScaledMarker.isMarker(name) || unchecked.contains { name.hasPrefix($0.prefix) }
    }.map(\.element)
    guard kept.count < targets.count else { return }
    var leftovers: [Int: Fate] = [:]
    for (index, entry) in entries.enumerated() {
      if case .ignored = entry.fate { leftovers[index] = entry.fate }
    }
    let checked = Ledger(sources: entries.map(\.source), targets: kept, leftovers: leftovers)
    entries = checked.entries
    targets = checked.targets
  }

  /// Takes over what another account lacks.
  mutating func adoptProblems(of other: Ledger) {
    missing = other.missing
    misshapen = other.misshapen
  }

  /// The same account of tensors that their source calls otherwise.
  func naming(_ sources: [TensorDescription]) -> Ledger {
    var ledger = self
    ledger.entries = zip(entries, sources).map { Entry(source: $1, fate: $0.fate) }
    return ledger
  }

  /// The same account with another reason for tensors that are left behind.
  package func noting(reason: String, at places: Set<Int>) -> Ledger {
    var ledger = self
    for place in places where entries.indices.contains(place) {
      guard case .ignored = entries[place].fate else { continue }
      var entry = Entry(source: entries[place].source, fate: .ignored(reason: reason))
      entry.nameBefore = entries[place].nameBefore
      ledger.entries[place] = entry
    }
    return ledger
  }

  /// The same account with the names that the first tensors had before the user's own table.
  public func noting(namesBefore names: [String]) -> Ledger {
    var ledger = self
    for (place, name) in zip(entries.indices, names) where name != entries[place].source.name {
      ledger.entries[place].nameBefore = name
    }
    return ledger
  }
}

extension Ledger {
  /// The targets that are one tensor of the source, with its index there.
  public var mapped: [(index: Int, target: TensorDescription)] {
    targets.compactMap { target in
      target.recipe.isWhole ? (target.recipe.sources[0], target.description) : nil
    }
  }

  /// The number of the source's tensors that go on.
  public var mappedCount: Int {
    entries.count { entry in
      switch entry.fate {
      case .mapped, .split, .part: true
      case .ignored, .unexplained: false
      }
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

  /// Whether every tensor that goes on goes on under its own name.
  public var keepsNames: Bool {
    entries.allSatisfy { entry in
      switch entry.fate {
      case .mapped(let target): target.name == entry.source.name
      case .split, .part: false
      case .ignored, .unexplained: true
      }
    }
  }
}
