internal import TensorCore

/// What kind of change it is that some of a model's tensors went through.
struct ChangeReading {
  private let diff: ModelDiff
  private let changed: [TensorPair]
  /// The figures of the changed tensors, and of the matrices and kernels among them.
  private let (sum, matrices): (TensorDifference, TensorDifference)
  /// The components with changes, and those without any.
  private let (touched, untouched): ([DiffGroup], [String])

  /// - Parameter changed: the weights whose values or shapes changed.
  init(_ diff: ModelDiff, _ changed: [TensorPair]) {
    self.diff = diff
    self.changed = changed
    var (sum, matrices) = (TensorDifference(), TensorDifference())
    for pair in changed {
      guard let difference = pair.difference else { continue }
      sum.add(difference)
      if pair.a.shape.rank > 1 { matrices.add(difference) }
    }
    (self.sum, self.matrices) = (sum, matrices)
    let components = diff.components
    touched = components.filter {
      $0.count(.changed) + $0.count(.misshapen) > 0
        && $0.title != TensorPlace.leftBehind.component
    }
    untouched = components.filter {
      $0.isUntouched && $0.title != TensorPlace.leftBehind.component
    }.map(\.title)
  }

  /// Whether no value changed where shapes allow a comparison, but for token embeddings, whose
  /// number of rows says enough.
  var isEmpty: Bool {
    changed.allSatisfy {
      $0.state == .misshapen && $0.place.kind != .tokenEmbedding
        && $0.difference?.changedCount ?? 0 == 0
    }
  }

  /// What it comes to, of changes that are not empty.
  var verdict: DiffVerdict { unrelated ?? tokens ?? matricesAlone ?? fineTune }

  /// Independent trainings of one architecture: directions in so many dimensions are at right
  /// angles, while a fine-tune keeps them nearly parallel.
  private var unrelated: DiffVerdict? {
    let share = touched.reduce(0) { $0 + $1.pairCount }
    guard let cosine = matrices.cosineSimilarity, cosine < 0.5, 4 * changed.count > share else {
      return nil
    }
    let misshapen = diff.pairs.count { $0.state == .misshapen }
    let isSame = diff.added.isEmpty && diff.removed.isEmpty && 2 * misshapen <= diff.pairs.count
    return DiffVerdict(
      kind: .unrelated,
      sentence: "unrelated weights" + (isSame ? " of the same architecture" : "")
        + (names.isEmpty ? "" : " in \(names)") + " (cosine \(DiffVerdict.short(cosine)))" + rest)
  }

  /// A textual inversion that was kept in the model.
  private var tokens: DiffVerdict? {
    guard changed.allSatisfy({ $0.place.kind == .tokenEmbedding }) else { return nil }
    return DiffVerdict(
      kind: .tokens,
      sentence: "only token embeddings changed: "
        + ModelDiff.list(changed.map(\.tokenText)) + rest)
  }

  /// Whatever is trained whole changes its norms and biases too; a LoRA has none.
  private var matricesAlone: DiffVerdict? {
    guard changed.count > 1, changed.allSatisfy(\.isMatrix) else { return nil }
    let found = Set(changed.map(\.place.kind))
    let kinds = LayerKind.allCases.filter(found.contains).map(\.rawValue)
    let ranks = diff.ranks.filter { $0.isLow != nil }
    let isLoRA = !ranks.isEmpty && ranks.allSatisfy { $0.isLow == true }
    let matrices = "only weight matrices\(ofNames) changed (\(ModelDiff.list(kinds))), no bias "
    let looked = "in the \(ranks.count) that were looked at"
    let rank =
      ranks.isEmpty
      ? ""
      : isLoRA
        ? ", of rank \(ranks.compactMap(\.rank).max() ?? 0) at most \(looked)"
        : ", of high rank \(looked)"
    return DiffVerdict(
      kind: isLoRA ? .loraLike : .matrices,
      sentence: (isLoRA ? "like a LoRA: " : "") + matrices + "and no norm\(rank): \(share)" + rest)
  }

  private var fineTune: DiffVerdict {
    let isWhole = touched.allSatisfy { 10 * $0.count(.changed) > 9 * $0.pairCount }
    let words =
      touched.count == 1 && !untouched.isEmpty
      ? "only \(names.isEmpty ? "what is in no component" : names) changed"
      : isWhole
        ? "a full fine-tune\(ofNames)"
        : "a fine-tune of parts\(ofNames)"
    let place = isWhole ? "" : part
    return DiffVerdict(kind: .fineTune, sentence: "\(words)\(place): \(share)" + rest)
  }

  /// Where in the components, if it is in few of their blocks or kinds of layers.
  private var part: String {
    let blocks = places(in: diff.blocks)
    let kinds = places(in: diff.kinds)
    let parts = [kinds, blocks].compactMap { $0 }.map { ModelDiff.list($0) }
    return parts.isEmpty ? "" : " (\(parts.joined(separator: "; in ")))"
  }

  /// The names of the groups with changes; `nil` where they are more than three, or all of their
  /// components.
  private func places(in groups: [DiffGroup]) -> [String]? {
    let names = Set(touched.map(\.title))
    let own = groups.filter { group in
      names.contains { group.title.hasPrefix($0 + " ") }
    }
    let found = own.filter { $0.count(.changed) + $0.count(.misshapen) > 0 }
    guard found.count <= 3, found.count < own.count else { return nil }
    let isOne = touched.count == 1
    return found.map { isOne ? String($0.title.drop { $0 != " " }.dropFirst()) : $0.title }
  }

  /// The components with changes; empty where what changed is in none.
  private var names: String {
    touched.map(\.title) == [DiffGroup.noComponent] ? "" : ModelDiff.list(touched.map(\.title))
  }

  private var ofNames: String { names.isEmpty ? "" : " of \(names)" }

  private var share: String {
    let size =
      sum.sumSquaresA > 0 && sum.sumSquares > 0 && !sum.relativeNorm.isNaN
      ? ", relative norm \(DiffVerdict.short(sum.relativeNorm))" : ""
    let odd = sum.nonFiniteChangedCount
    let values =
      odd == 0 ? "" : ", \(odd) value\(odd == 1 ? "" : "s") NaN or infinite in one of them"
    return "\(changed.count) of \(diff.pairs.count) tensors" + size + values
  }

  /// What did not change, and what came and went.
  private var rest: String {
    let verb = untouched.count == 1 ? "is" : "are"
    let same = untouched.isEmpty ? nil : "\(ModelDiff.list(untouched)) \(verb) the same"
    let shapes = changed.count { $0.state == .misshapen && $0.place.kind != .tokenEmbedding }
    let packed = changed.count { $0.packedForm != nil }
    let counts = [
      packed == 0 ? nil : "\(packed) stored in a form of which bytes alone are compared",
      diff.count(diff.added, "added"), diff.count(diff.removed, "removed"),
      shapes == 0 ? nil : "\(shapes) of another shape",
    ]
    let more = counts.allSatisfy { $0 == nil } ? nil : ModelDiff.list(counts)
    return [same, more].compactMap { $0 }.map { "; " + $0 }.joined()
  }
}

extension TensorPair {
  /// What happened to a token embedding.
  fileprivate var tokenText: String {
    if let changedRows {
      let first = changedRows.first.prefix(4).map(String.init).joined(separator: ", ")
      let more = changedRows.count > 4 ? ", …" : ""
      return "\(changedRows.count) of \(a.shape[0]) rows of \(place.component) (\(first)\(more))"
    }
    if case .rows(let common) = relation {
      let isSame = difference.map { $0.changedCount == 0 } ?? false
      return "\(place.component) has \(b.shape[0]) rows instead of \(a.shape[0])"
        + (isSame ? ", the first \(common) the same" : "")
    }
    return "\(place.component)"
  }
}
