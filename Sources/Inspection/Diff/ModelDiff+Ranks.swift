internal import Conversion
internal import Synchronization
internal import TensorCore

extension ModelDiff {
  /// The most matrices to look at for a verdict.
  private static let rankLimit = 4

  /// The ranks of the largest changes where nothing but matrices changed, by a part of each.
  func sampledRanks(_ places: [(a: Int, b: Int)]) throws -> [ChangeRank] {
    let changed = largestChanges
    guard changed.allSatisfy({ pairs[$0].isMatrix && pairs[$0].relation == .same }) else {
      return []
    }
    var ranks: [ChangeRank] = []
    for index in changed where ranks.count < Self.rankLimit {
      let rank = try rank(of: index, places[index], .sample)
      if let rank, rank.isLow != nil { ranks.append(rank) }
    }
    return ranks
  }

  /// The ranks of all changed matrices, decomposed as a whole on all cores.
  func allRanks(
    _ places: [(a: Int, b: Int)], _ progress: (Int, Int) throws -> Void
  ) throws -> [ChangeRank] {
    let changed = largestChanges.filter { pairs[$0].difference?.sumSquares ?? 0 > 0 }
    // The longest work comes first, so that all threads end at about the same time.
    let order = changed.indices.sorted { pairs[changed[$0]].work > pairs[changed[$1]].work }
    let found = Mutex([ChangeRank?](repeating: nil, count: changed.count))
    let done = Atomic<Int>(0)
    try Workers.forEach(
      order.count, progress: { try progress(done.load(ordering: .relaxed), order.count) },
      { number in
        let index = changed[order[number]]
        let rank = try rank(of: index, places[index], .whole)
        found.withLock { $0[order[number]] = rank }
        done.add(1, ordering: .relaxed)
      })
    return found.withLock { $0 }.compactMap { $0 }
  }

  private func rank(
    of index: Int, _ place: (a: Int, b: Int), _ extent: ChangeRank.Extent
  ) throws -> ChangeRank? {
    ChangeRank(
      try a.tensors.tensor(at: place.a), try b.tensors.tensor(at: place.b), of: pairs[index],
      extent)
  }

  /// The places of the pairs that changed, those first that most of the change is in.
  private var largestChanges: [Int] {
    pairs.indices.filter { [.changed, .misshapen].contains(pairs[$0].state) }.sorted {
      (pairs[$0].difference?.sumSquares ?? 0) > (pairs[$1].difference?.sumSquares ?? 0)
    }
  }
}

extension TensorPair {
  /// What a decomposition costs, roughly.
  fileprivate var work: Double {
    let rows = Double(a.shape.rank > 0 ? a.shape[0] : 1)
    let columns = Double(a.shape.elementCount) / max(rows, 1)
    return rows * columns * min(rows, columns)
  }
}

extension ModelDiff {
  /// By component, what a LoRA of a rank would hold at best of the changes of all its matrices.
  public struct RankSummary: Sendable, Hashable {
    /// The component.
    public let component: String
    /// The number of its matrices that changed.
    public let count: Int
    /// The share of their energy that each of `steps` holds.
    public let shares: [Double]

    /// The ranks that people choose from.
    public static let steps = [1, 4, 8, 16, 32, 64, 128, 256]
  }

  /// The energy by rank, by component in order of the first change.
  public var rankSummaries: [RankSummary] {
    var order: [String] = []
    for rank in ranks where !order.contains(rank.place.component) {
      order.append(rank.place.component)
    }
    return order.map { component in
      let ranks = ranks.filter { $0.place.component == component }
      let energy = ranks.reduce(0) { $0 + $1.energy }
      return RankSummary(
        component: component, count: ranks.count,
        shares: RankSummary.steps.map { step in
          energy > 0 ? ranks.reduce(0) { $0 + $1.energy(of: step) } / energy : 1
        })
    }
  }
}
