internal import TensorCore

/// What a comparison comes to, in words.
public struct DiffVerdict: Sendable, Hashable {
  /// The kinds of answers.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Names, types, shapes and bytes are the same.
    case identical
    /// The same weights under other names, in other types, or rounded.
    case reencoded
    /// All changes are within the tolerance.
    case near
    /// Tensors were added or removed or have another shape, nothing else changed.
    case extended
    /// Schedule buffers or what training left differ, no weight does.
    case leftovers
    /// A few rows of a token embedding changed.
    case tokens
    /// Matrices changed by others of low rank, norms and biases did not: a LoRA was baked in.
    case loraLike = "lora_like"
    /// Matrices changed, norms and biases did not.
    case matrices
    /// Some or all of the weights changed moderately.
    case fineTune = "fine_tune"
    /// The weights have nothing to do with each other.
    case unrelated
    /// Most tensors have no counterpart.
    case otherArchitecture = "other_architecture"
  }

  /// The kind of answer.
  public let kind: Kind
  /// The answer as a sentence without a full stop.
  public let sentence: String
}

extension ModelDiff {
  /// Whether no value differs by more than the tolerance and nothing was added, removed, renamed or
  /// reshaped beyond comparison. Element types and containers do not count.
  public var isEqual: Bool {
    added.isEmpty && removed.isEmpty && renamed.isEmpty
      && pairs.allSatisfy { pair in
        pair.state != .misshapen
          && (pair.difference.map { $0.beyondCount == 0 } ?? pair.isIdentical)
      }
  }

  /// What the comparison comes to.
  public var verdict: DiffVerdict {
    let changed = pairs.filter { $0.state == .changed || $0.state == .misshapen }
    let weights = changed.filter { $0.place.component != TensorPlace.leftBehind.component }
    let unpaired = added.count + removed.count
    let misshapen = pairs.count { $0.state == .misshapen }
    let counterparts = pairs.count - misshapen
    if unpaired > 0, counterparts + renamed.count < unpaired + misshapen {
      let shaped =
        misshapen == 0
        ? "\(counterparts) tensors have a counterpart, "
        : "\(counterparts) tensors have a counterpart of the same shape, \(misshapen) one of another, "
      return DiffVerdict(
        kind: .otherArchitecture,
        sentence: "another architecture: \(shaped)"
          + "\(removed.count) of the first model and \(added.count) of the second have none")
    }
    let reading = ChangeReading(self, weights)
    guard reading.isEmpty else { return reading.verdict }
    let shapes = weights.isEmpty ? nil : "\(weights.count) of another shape"
    if unpaired > 0 || shapes != nil {
      return DiffVerdict(
        kind: .extended,
        sentence: "the tensors that both have in one shape are the same; "
          + Self.list([count(added, "added"), count(removed, "removed"), shapes]))
    }
    guard changed.isEmpty else {
      return DiffVerdict(
        kind: .leftovers,
        sentence: "the same weights; schedule buffers or what training left differ: "
          + Self.list(changed.prefix(4).map(\.name))
          + (changed.count > 4 ? " and \(changed.count - 4) more" : ""))
    }
    let near = pairs.count { $0.state == .near }
    if near > 0 {
      return DiffVerdict(
        kind: .near,
        sentence: "equal within the tolerance: \(near) of \(pairs.count) tensors differ below it")
    }
    if renamed.isEmpty, pairs.allSatisfy(\.isIdentical) {
      return DiffVerdict(
        kind: .identical, sentence: "identical: every tensor has the same type, shape and bytes")
    }
    return reencoding
  }

  /// The same weights: in which ways they were re-encoded.
  private var reencoding: DiffVerdict {
    let rounded = pairs.filter { $0.state == .rounded }
    let isBoth = rounded.contains { $0.difference?.roundings?.allSatisfy { $0 == .both } == true }
    let types = Set(rounded.compactMap { $0.difference?.roundings?.narrowest?.name }).sorted()
    let widened = pairs.count { $0.isRetyped && $0.state == .same }
    func count(_ relation: TensorPair.Relation) -> Int { pairs.count { $0.relation == relation } }
    let (reshaped, transposed, swapped) = (
      count(.reshaped), count(.transposed), count(.halvesSwapped)
    )
    let other = pairs.filter {
      $0.state == .same && !$0.isIdentical && !$0.isRetyped && $0.relation == .same
    }
    let scaled = other.count { $0.scaledTypeA != nil }
    let signs = other.count - scaled
    let through =
      types.isEmpty
      ? isBoth ? " each from the same numbers" : "" : " through \(types.joined(separator: " or "))"
    let parts = [
      rounded.isEmpty ? nil : "\(rounded.count) rounded\(through)",
      widened == 0 ? nil : "\(widened) in another type with the same values",
      reshaped == 0 ? nil : "\(reshaped) reshaped",
      transposed == 0 ? nil : "\(transposed) transposed",
      swapped == 0 ? nil : "\(swapped) with swapped halves",
      scaled == 0 ? nil : "\(scaled) stored with other scales",
      signs == 0 ? nil : "\(signs) with other signs of zero or other NaNs",
      renamed.isEmpty ? nil : "\(renamed.count) renamed",
    ]
    return DiffVerdict(
      kind: .reencoded,
      sentence: "the same weights, re-encoded: " + Self.list(parts)
        + " of \(pairs.count + renamed.count)")
  }

  func count(_ tensors: [TensorDescription], _ what: String) -> String? {
    tensors.isEmpty ? nil : "\(tensors.count) \(what)"
  }

  static func list(_ parts: [String?]) -> String {
    let parts = parts.compactMap { $0 }
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }
}

extension DiffVerdict {
  /// A number in few digits.
  static func short(_ value: Double) -> String {
    let digits = (value * 1000).rounded() / 1000
    return digits == 0 && value != 0 || value.magnitude >= 1000 ? "\(Float(value))" : "\(digits)"
  }
}
