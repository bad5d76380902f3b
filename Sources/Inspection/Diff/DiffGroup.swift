public import TensorCore

/// The pairs of a component, a block or a kind of layer, taken together.
public struct DiffGroup: Sendable, Hashable {
  /// What they have in common: `unet`, `unet down_blocks.1`, `cross-attention`.
  public let title: String
  /// By state, how many tensors.
  public private(set) var counts: [TensorPair.State: Int] = [:]
  /// How many tensors only the second model has.
  public private(set) var addedCount = 0
  /// How many tensors only the first model has.
  public private(set) var removedCount = 0
  /// How many tensors have another element type.
  public private(set) var retypedCount = 0
  /// The figures of all values.
  public private(set) var difference = TensorDifference()

  /// The title of what is in no component.
  public static let noComponent = "(no component)"

  /// The number of pairs.
  public var pairCount: Int { counts.values.reduce(0, +) }

  /// How many tensors came to a state.
  public func count(_ state: TensorPair.State) -> Int { counts[state] ?? 0 }

  /// Whether nothing in it differs.
  public var isUntouched: Bool {
    addedCount == 0 && removedCount == 0 && count(.same) == pairCount
  }

  /// Whether nothing in it differs by more than a rounding.
  public var isReencoded: Bool {
    addedCount == 0 && removedCount == 0 && count(.same) + count(.rounded) == pairCount
  }

  init(_ title: String) { self.title = title }

  mutating func add(_ pair: TensorPair) {
    counts[pair.state, default: 0] += 1
    if pair.isRetyped { retypedCount += 1 }
    if let difference = pair.difference { self.difference.add(difference) }
  }

  mutating func add(added: Int) { addedCount += added }
  mutating func add(removed: Int) { removedCount += removed }
}

extension DiffGroup {
  /// The counts that a table of groups shows: what is the same, what changed, and whatever else there
  /// is of.
  public static func countColumns(
    _ groups: [DiffGroup]
  ) -> [(title: String, value: (DiffGroup) -> Int)] {
    let states = TensorPair.State.allCases.map { state in
      (title: state.rawValue, value: { (group: DiffGroup) in group.count(state) })
    }
    let all =
      states + [
        (title: "added", value: { $0.addedCount }), (title: "removed", value: { $0.removedCount }),
        (title: "retyped", value: { $0.retypedCount }),
      ]
    return all.filter { column in
      ["same", "changed"].contains(column.title) || groups.contains { column.value($0) > 0 }
    }
  }
}

extension ModelDiff {
  /// Everything together.
  public var total: DiffGroup { groups { _ in "" }.first ?? DiffGroup("") }

  /// By component, in the first model's order.
  public var components: [DiffGroup] {
    groups { $0.component.isEmpty ? DiffGroup.noComponent : $0.component }
  }

  /// By component and block, as data flows.
  public var blocks: [DiffGroup] {
    let order = Dictionary(
      uniqueKeysWithValues: components.enumerated().map { ($1.title, $0) })
    return groups { [$0.component, $0.block].filter { !$0.isEmpty }.joined(separator: " ") }
      .map { group -> (group: DiffGroup, component: Int, block: NaturalOrder) in
        let parts = group.title.split(separator: " ", maxSplits: 1).map(String.init)
        let component = order[parts[0]] ?? order.count
        return (group, component, NaturalOrder(parts.count > 1 ? parts[1] : ""))
      }
      .sorted { ($0.component, $0.block) < ($1.component, $1.block) }.map(\.group)
  }

  /// By component and kind of layer.
  public var kinds: [DiffGroup] {
    groups { [$0.component, $0.kind.rawValue].filter { !$0.isEmpty }.joined(separator: " ") }
  }

  private func groups(by title: (TensorPlace) -> String) -> [DiffGroup] {
    var groups: [DiffGroup] = []
    var places: [String: Int] = [:]
    func place(_ tensorPlace: TensorPlace) -> Int {
      let title = title(tensorPlace)
      if let place = places[title] { return place }
      places[title] = groups.count
      groups.append(DiffGroup(title))
      return groups.count - 1
    }
    for pair in pairs { groups[place(pair.place)].add(pair) }
    for tensor in removed { groups[place(TensorPlace(of: tensor.name))].add(removed: 1) }
    for tensor in added { groups[place(TensorPlace(of: tensor.name))].add(added: 1) }
    // What is no part of the model stands last.
    let leftBehind = TensorPlace.leftBehind.component
    return groups.filter { !$0.title.hasPrefix(leftBehind) }
      + groups.filter { $0.title.hasPrefix(leftBehind) }
  }
}
