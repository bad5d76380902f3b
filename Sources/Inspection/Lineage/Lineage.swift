/// How several models are related: how far apart they are, which is likely the base of the others,
/// and which is a merge of which.
public struct Lineage: Sendable {
  /// A model that is a weighted sum of others.
  public struct Merge: Sendable, Hashable {
    /// The number of the model.
    public let model: Int
    /// The parents and their weights over the whole model.
    public let whole: MergeSolution
    /// The weights of each block.
    public let blocks: [Block]
    /// What the sums of all blocks leave together, as a share of the distance to the nearest parent.
    public let blockResidual: Double
  }

  /// What one block says of a merge.
  public struct Block: Sendable, Hashable {
    /// The block: `unet.mid_block`.
    public let name: String
    /// The weights; `nil` where the parents are too alike to tell.
    public let solution: MergeSolution?
  }

  /// What can be said of the base.
  public enum Base: Sendable, Hashable {
    /// This model: the others went from it into directions of their own.
    case model(Int, cosine: Double)
    /// Nothing, for a reason.
    case unknown(String)
  }

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
  /// Pairs of models without any difference.
  public let equal: [(Int, Int)]
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
    merges = Self.merges(grams, total, distinct)
    let merged = Set(merges.map(\.model))
    base = Self.base(
      total, distinct.filter { !merged.contains($0) }, rounding: grams.roundings.max() ?? 0)
    let central = distinct.min { a, b in
      let sums = [a, b].map { model in
        distinct.reduce(0) { $0 + total.relativeDistance(model, $1) }
      }
      return sums[0] < sums[1]
    }
    root = if case .model(let model, _) = base { model } else { central ?? 0 }
    tree = Self.tree(total, root)
  }

  /// The model from which the others went into directions of their own. Two models cannot tell, and
  /// independent fine-tunes differ from their base at right angles: seen from one of them, all
  /// others lie in the same direction.
  private static func base(_ gram: GramMatrix, _ models: [Int], rounding: Double) -> Base {
    guard models.count > 2 else {
      return .unknown("fewer than three models that are no merges of the others")
    }
    guard
      models.allSatisfy({ a in
        models.allSatisfy { gram.relativeDistance(a, $0) < unrelated }
      })
    else { return .unknown("some have nothing in common") }
    guard
      models.allSatisfy({ a in
        models.allSatisfy { $0 == a || gram.relativeDistance(a, $0) > 2 * rounding }
      })
    else { return .unknown("some differ by no more than rounding") }
    let scores = models.map { model in
      let others = models.filter { $0 != model }
      var cosines: [Double] = []
      for (place, a) in others.enumerated() {
        for b in others[..<place] {
          if let cosine = gram.cosine(a, b, from: model) { cosines.append(cosine) }
        }
      }
      return (model: model, cosine: cosines.reduce(0, +) / Double(max(cosines.count, 1)))
    }.sorted { abs($0.cosine) < abs($1.cosine) }
    let (first, second) = (scores[0], scores[1])
    // From a base others go at right angles or in a common direction; into opposite ones from a
    // model between them, a merge of which a parent is missing.
    guard first.cosine > -0.05, first.cosine < 0.25,
      abs(second.cosine) > 1.5 * abs(first.cosine) + 0.05
    else {
      return .unknown("no model lies between the others")
    }
    return .model(first.model, cosine: first.cosine)
  }

  /// The models that are weighted sums of two or three others.
  private static func merges(
    _ grams: ModelGrams, _ gram: GramMatrix, _ models: [Int]
  ) -> [Merge] {
    var found: [Merge] = []
    for model in models {
      let others = models.filter {
        $0 != model && gram.relativeDistance($0, model) < unrelated
      }
      let rounding = models.map { grams.roundings[$0] }.max() ?? 0
      let candidates = subsets(of: others).compactMap {
        Merge(of: model, from: $0, grams, gram, rounding)
      }.filter { $0.isConvincing(rounding) }
      // Two parents explain better than three that fit a little closer.
      guard
        let best = candidates.min(by: {
          ($0.whole.parents.count, $0.blockResidual) < ($1.whole.parents.count, $1.blockResidual)
        })
      else { continue }
      found.append(best)
    }
    return found.filter { merge in
      !found.contains { $0.model != merge.model && explains($0, better: merge, gram) }
    }
  }

  /// A merge and its parents explain each other. Meant is the sum whose weights are all positive, or
  /// of two sums of differences, `A + r (B − C)`, the one in which A and B went from C into
  /// directions of their own.
  private static func explains(_ one: Merge, better other: Merge, _ gram: GramMatrix) -> Bool {
    guard Set(one.whole.parents + [one.model]) == Set(other.whole.parents + [other.model]) else {
      return false
    }
    guard one.whole.isConvex == other.whole.isConvex else { return one.whole.isConvex }
    guard !one.whole.isConvex, let a = one.whole.commonDirection(gram),
      let b = other.whole.commonDirection(gram)
    else { return false }
    return a < b
  }

  private static func subsets(of models: [Int]) -> [[Int]] {
    var subsets: [[Int]] = []
    for (a, first) in models.enumerated() {
      for (b, second) in models.enumerated() where b > a {
        subsets.append([first, second])
        for (c, third) in models.enumerated() where c > b {
          subsets.append([first, second, third])
        }
      }
    }
    return subsets
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

extension Lineage.Merge {
  /// Solves for the weights over the whole model and in each block.
  fileprivate init?(
    of model: Int, from parents: [Int], _ grams: ModelGrams, _ gram: GramMatrix,
    _ rounding: Double
  ) {
    guard let whole = MergeSolution(gram, of: model, from: parents, rounding: rounding) else {
      return nil
    }
    self.model = model
    self.whole = whole
    blocks = grams.blocks.map { block in
      Lineage.Block(
        name: block.name,
        solution: MergeSolution(block.gram, of: model, from: parents, rounding: rounding))
    }
    // A block in which the parents are alike leaves what it differs from the first of them.
    let rests = zip(grams.blocks, blocks).map { block, found in
      found.solution?.rest ?? block.gram.distance(model, parents[0])
    }
    let nearest = parents.map { gram.distance(model, $0) }.min() ?? 0
    let rest = rests.reduce(0) { $0 + $1 * $1 }.squareRoot()
    blockResidual = nearest > 0 ? rest / nearest : 0
  }

  /// Whether the sums leave no more than roundings do, or little of what they explain, with weights
  /// as merges have them: all positive, over the whole or block by block, or a sum of differences.
  fileprivate func isConvincing(_ rounding: Double) -> Bool {
    let isSum = whole.isConvex && whole.ratios.allSatisfy { $0 > 0.01 } && whole.residual < 0.25
    let isDifference = whole.isDifference && whole.residual < 0.1
    if isSum || isDifference,
      whole.relativeResidual < 4 * rounding || whole.residual < 0.05
    {
      return true
    }
    let solved = blocks.compactMap(\.solution)
    return solved.count > 1 && blockResidual < 0.05
      && solved.allSatisfy { $0.isConvex || $0.residual > 0.1 }
  }

  /// Whether one set of weights does for all blocks that tell.
  public var isUniform: Bool {
    blocks.allSatisfy { $0.solution?.agrees(with: whole) ?? true }
  }
}
