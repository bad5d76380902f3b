/// How several models are related: how far apart they are, which is likely the base of the others,
/// and which is a merge of which.
public struct Lineage: Sendable {
  /// One edge of the tree.
  public struct Edge: Sendable, Hashable {
    /// The number of the model nearer to the root.
    public let parent: Int
    /// The number of the model.
    public let child: Int
    /// Their relative distance.
    public let distance: Double
  }

  /// The inner products that all of it follows from.
  public let grams: ModelGrams
  /// Pairs of models without any difference, where both have numbers.
  public let equal: [(Int, Int)]
  /// Models that differ from another by no more than rounding to a smaller type, each behind the other.
  public let rounded: [(Int, Int)]
  /// Models without any weight but zeros, of which nothing can be told.
  public let blank: [Int]
  /// The likely base of all others.
  public let base: Base
  /// The models that are merges of others.
  public let merges: [Merge]
  /// The shortest tree that joins all models, from the base or else the most central model.
  public let tree: [Edge]
  /// The root of the tree.
  public let root: Int

  /// Above this relative distance two models have nothing in common: independent weights are
  /// √2 apart, and a fine-tune of any length stays far below.
  static let unrelated = 0.9

  /// Relates models to each other.
  public init(_ grams: ModelGrams) {
    self.grams = grams
    let total = grams.total
    let count = total.count
    var equal: [(Int, Int)] = []
    for a in 0..<count {
      for b in a + 1..<count where total.distance(a, b) == 0 { equal.append((a, b)) }
    }
    self.equal = equal
    let doubles = Set(equal.map(\.1))
    let distinct = (0..<count).filter { !doubles.contains($0) }
    let blank = (0..<count).filter { total.norm($0) == 0 }
    self.blank = blank
    let told = distinct.filter { !blank.contains($0) }
    merges = Merge.all(grams, total, told)
    rounded = Self.rounded(total, told)
    let merged = Set(merges.map(\.model))
    base = Base(total, told.filter { !merged.contains($0) }, rounded: Set(rounded.map(\.1)))
    let central = told.min { a, b in
      let sums = [a, b].map { model in
        told.reduce(0) { $0 + total.relativeDistance(model, $1) }
      }
      return sums[0] < sums[1]
    }
    root = if case .model(let model, _) = base { model } else { central ?? 0 }
    tree = Self.tree(total, root)
  }

  /// The pairs that rounding accounts for: the coarser one behind the one with more digits, or else the
  /// later behind the earlier.
  private static func rounded(_ gram: GramMatrix, _ models: [Int]) -> [(Int, Int)] {
    let order = models.sorted { (gram.rounding($0), $0) < (gram.rounding($1), $1) }
    return order.enumerated().compactMap { place, model in
      order[..<place].first { gram.differsByRounding($0, model) }.map { ($0, model) }
    }
  }

  /// Prim's algorithm: the nearest model that is not in the tree joins it where it is nearest.
  private static func tree(_ gram: GramMatrix, _ root: Int) -> [Edge] {
    var joined = [root]
    var rest = (0..<gram.count).filter { $0 != root }
    var edges: [Edge] = []
    while !rest.isEmpty {
      var best: Edge?
      for parent in joined {
        for child in rest {
          let distance = gram.relativeDistance(parent, child)
          if best.map({ distance < $0.distance }) ?? true {
            best = Edge(parent: parent, child: child, distance: distance)
          }
        }
      }
      guard let best else { break }
      edges.append(best)
      joined.append(best.child)
      rest.removeAll { $0 == best.child }
    }
    return edges
  }
}
