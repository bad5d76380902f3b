extension Lineage {
  /// What can be said of the base.
  public enum Base: Sendable, Hashable {
    /// This model, from which all others went. The cosine is the mean one of their differences from it.
    case model(Int, cosine: Double)
    /// Nothing, for a reason.
    case unknown(String)
  }
}

extension Lineage.Base {
  /// Finds the base of models of which none is a merge of others.
  ///
  /// - Parameter rounded: models of which another is the same with more digits.
  init(_ gram: GramMatrix, _ all: [Int], rounded: Set<Int>) {
    let models = all.filter { !rounded.contains($0) }
    let pairs = models.flatMap { a in models.filter { $0 != a }.map { (a, $0) } }
    if all.count >= 3, models.count < 3 {
      self = .unknown("some differ by no more than rounding")
    } else if models.count < 3 {
      self = .unknown("fewer than three models that are no merges of the others")
    } else if pairs.contains(where: { gram.relativeDistance($0, $1) >= Lineage.unrelated }) {
      self = .unknown("some have nothing in common")
    } else if let (model, cosine) = Self.ancestor(gram, models) ?? Self.centre(gram, models) {
      self = .model(model, cosine: cosine)
    } else {
      self = .unknown("no model lies between the others")
    }
  }

  /// The one model that all others grew out of, by their norms, and in no opposite directions.
  private static func ancestor(
    _ gram: GramMatrix, _ models: [Int]
  ) -> (model: Int, cosine: Double)? {
    let ancestors = models.filter { model in
      let others = models.filter { $0 != model }
      return others.allSatisfy { abs(gram.growth(of: $0, from: model) ?? 1) < 0.25 }
        && cosines(gram, others, from: model).allSatisfy { $0 > -0.1 }
    }
    guard let model = ancestors.first, ancestors.count == 1 else { return nil }
    return (model, meanCosine(gram, models, from: model))
  }

  /// The model from which the others went into directions of their own, where norms do not tell.
  /// Independent fine-tunes differ from their base at right angles: seen from one of them, all others
  /// lie in the same direction.
  private static func centre(
    _ gram: GramMatrix, _ models: [Int]
  ) -> (model: Int, cosine: Double)? {
    let scores = models.map { (model: $0, cosine: meanCosine(gram, models, from: $0)) }
      .sorted { abs($0.cosine) < abs($1.cosine) }
    let (first, second) = (scores[0], scores[1])
    // From a base others go at right angles or in a common direction; into opposite ones from a
    // model between them, a merge of which a parent is missing.
    guard first.cosine > -0.05, first.cosine < 0.25,
      abs(second.cosine) > 1.5 * abs(first.cosine) + 0.05,
      // What looks like the other's descendant, or like the child of one that is not here, is no base.
      models.allSatisfy({ other in
        other == first.model
          || gram.growth(of: other, from: first.model).map { !(-1.4 ... -0.4).contains($0) } ?? true
      })
    else { return nil }
    return first
  }

  private static func meanCosine(_ gram: GramMatrix, _ models: [Int], from model: Int) -> Double {
    let cosines = cosines(gram, models.filter { $0 != model }, from: model)
    return cosines.reduce(0, +) / Double(max(cosines.count, 1))
  }

  /// The cosines of all pairs of differences from a model.
  private static func cosines(_ gram: GramMatrix, _ others: [Int], from model: Int) -> [Double] {
    others.enumerated().flatMap { place, a in
      others[..<place].compactMap { gram.cosine(a, $0, from: model) }
    }
  }
}
