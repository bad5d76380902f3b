internal import KeyLayouts
public import TensorCore

/// What a repair changes in one tensor.
public struct TensorChange: Sendable, Hashable {
  /// The check whose finding is repaired.
  public let check: String
  /// The tensor as it is; `nil` for one that is added.
  public let old: TensorDescription?
  /// The tensor as it will be; `nil` for one that is left out.
  public let new: TensorDescription?
}

extension RepairPlan {
  /// Every change, in the order of the model's tensors, and then what is added.
  ///
  /// - Parameters:
  ///   - repaired: the tensors with all repairs.
  ///   - ledger: the plan's own.
  func changes(
    of sources: [TensorDescription], to repaired: [TensorDescription], by ledger: Ledger
  ) -> [TensorChange] {
    var changes: [(place: Int, change: TensorChange)] = []
    var used: Set<Int> = []
    for (target, new) in zip(ledger.targets, repaired) {
      let places = target.recipe.sources
      used.formUnion(places)
      guard let place = places.first else { continue }
      let isSame = target.recipe == .source(place) && sources[place] == new
      guard !isSame else { continue }
      for (rank, place) in places.enumerated() {
        let change = TensorChange(
          check: checks[place] ?? "", old: sources[place], new: rank == 0 ? new : nil)
        changes.append((place, change))
      }
    }
    for made in made {
      let change = TensorChange(
        check: made.check, old: made.place.map { sources[$0] }, new: made.tensor)
      changes.append((made.place ?? sources.count, change))
      if let place = made.place { used.insert(place) }
    }
    for place in sources.indices where !used.contains(place) {
      let change = TensorChange(
        check: checks[place] ?? Self.checkOfScales, old: sources[place], new: nil)
      changes.append((place, change))
    }
    return changes.enumerated().sorted {
      ($0.element.place, $0.offset) < ($1.element.place, $1.offset)
    }.map(\.element.change)
  }

  /// Scales vanish with the weights that they are multiplied into.
  private static let checkOfScales = ScaleCheck.name
}
