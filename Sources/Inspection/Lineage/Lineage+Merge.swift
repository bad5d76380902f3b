extension Lineage {
  /// A model that is a weighted sum of others.
  public struct Merge: Sendable, Hashable {
    /// The number of the model.
    public let model: Int
    /// The parents and their weights over the whole model.
    public let whole: MergeSolution
    /// The weights of each block; of a block whose layers have weights of their own, those of each
    /// layer.
    public let blocks: [Block]
    /// What the sums of all blocks leave together, as a share of the distance to the nearest parent.
    public let blockResidual: Double
  }

  /// What one block says of a merge.
  public struct Block: Sendable, Hashable {
    /// The block: `unet.mid_block`; or a layer of one: `unet.down_blocks.1.0`.
    public let name: String
    /// The weights; `nil` where the parents are too alike to tell.
    public let solution: MergeSolution?
    /// The norm of what is left.
    let rest: Double
  }
}

extension Lineage.Merge {
  /// Whether one set of weights does for all blocks that tell.
  public var isUniform: Bool {
    blocks.allSatisfy { $0.solution?.agrees(with: whole) ?? true }
  }

  /// The models among some that are weighted sums of others.
  static func all(_ grams: ModelGrams, _ gram: GramMatrix, _ models: [Int]) -> [Lineage.Merge] {
    let found = models.compactMap { model -> Lineage.Merge? in
      let others = models.filter {
        $0 != model && gram.relativeDistance($0, model) < Lineage.unrelated
      }
      let candidates = subsets(of: others).compactMap {
        Lineage.Merge(of: model, from: $0, grams, gram)
      }.filter { $0.isConvincing(gram) }
      // Two parents explain better than three that fit a little closer.
      return candidates.min(by: {
        ($0.whole.parents.count, $0.blockResidual) < ($1.whole.parents.count, $1.blockResidual)
      }) ?? ofMany(model, others, grams, gram)
    }
    return found.filter { merge in
      !found.contains { $0.model != merge.model && explains($0, better: merge, gram) }
    }
  }

  /// A sum of more than three models: of all related ones, without those that have no share in it.
  private static func ofMany(
    _ model: Int, _ others: [Int], _ grams: ModelGrams, _ gram: GramMatrix
  ) -> Lineage.Merge? {
    var parents = others
    while parents.count > 3,
      let merge = Lineage.Merge(of: model, from: parents, grams, gram)
    {
      let shares = parents.indices.map { merge.share(ofParent: $0) }
      guard let least = shares.indices.min(by: { shares[$0] < shares[$1] }) else { return nil }
      if shares[least] > 0.02, merge.isConvincing(gram) { return merge }
      parents.remove(at: least)
    }
    return nil
  }

  /// The greatest weight that a parent has, over the whole or in a block.
  private func share(ofParent place: Int) -> Double {
    (blocks.compactMap(\.solution) + [whole]).reduce(0) { max($0, $1.ratios[place].magnitude) }
  }

  /// A merge and its parents explain each other. Meant is the sum whose weights are all positive, or
  /// of two sums of differences, `A + r (B − C)`, the one in which A and B went from C into
  /// directions of their own; of two such, the one whose result grew most: what is added makes weights
  /// larger.
  private static func explains(
    _ one: Lineage.Merge, better other: Lineage.Merge, _ gram: GramMatrix
  ) -> Bool {
    guard Set(one.whole.parents + [one.model]) == Set(other.whole.parents + [other.model]) else {
      return false
    }
    guard one.whole.isConvex == other.whole.isConvex else { return one.whole.isConvex }
    guard !one.whole.isConvex, let a = one.whole.commonDirection(gram),
      let b = other.whole.commonDirection(gram)
    else { return false }
    return abs(a - b) > 0.02 ? a < b : gram.norm(one.model) > gram.norm(other.model)
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

  /// Solves for the weights over the whole model and in each block.
  private init?(
    of model: Int, from parents: [Int], _ grams: ModelGrams, _ gram: GramMatrix
  ) {
    guard let whole = MergeSolution(gram, of: model, from: parents) else {
      return nil
    }
    self.model = model
    self.whole = whole
    func solved(_ name: String, _ gram: GramMatrix) -> Lineage.Block {
      let solution = MergeSolution(gram, of: model, from: parents)
      // A block in which the parents are alike leaves what it differs from the first of them.
      return Lineage.Block(
        name: name, solution: solution, rest: solution?.rest ?? gram.distance(model, parents[0]))
    }
    blocks = grams.blocks.flatMap { block in
      let one = solved(block.name, block.gram)
      let layers = block.layers.map { solved($0.name, $0.gram) }
      // Weights of their own leave less than one for all, by more than chance.
      let rest = layers.reduce(0) { $0 + $1.rest * $1.rest }
      guard one.solution != nil, layers.count > 1, rest < 0.8 * one.rest * one.rest else {
        return [one]
      }
      return layers
    }
    let nearest = parents.map { gram.distance(model, $0) }.min() ?? 0
    let rest = blocks.reduce(0) { $0 + $1.rest * $1.rest }.squareRoot()
    blockResidual = nearest > 0 ? rest / nearest : 0
  }

  /// Whether the sums leave no more than roundings do, or little of what they explain, with weights
  /// as merges have them: all positive, over the whole or block by block, or a sum of differences.
  private func isConvincing(_ gram: GramMatrix) -> Bool {
    let rounding = gram.rounding(ofAny: [model] + whole.parents)
    let isShared = whole.isConvex && whole.ratios.allSatisfy { $0 > 0.01 }
    if isShared, whole.isLeftByRounding(of: model, gram) { return true }
    let isSum = isShared && whole.residual < 0.25
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
}
