internal import KeyLayouts
public import TensorCore

extension ModelDiff {
  /// The comparison for machines, every pair included.
  public var json: JSON {
    [
      "a": a.json, "b": b.json,
      "verdict": .string(verdict.kind.rawValue), "summary": .string(verdict.sentence),
      "equal": .bool(isEqual),
      "tolerance": [
        "absolute": .number(tolerance.absolute), "relative": .number(tolerance.relative),
      ],
      "bytes_read": .integer(touchedBytes), "bytes_reread": .integer(rereadBytes),
      "bytes": .integer(a.byteCount + b.byteCount),
      "total": total.json,
      "components": .array(components.map(\.json)),
      "blocks": .array(blocks.map(\.json)),
      "kinds": .array(kinds.map(\.json)),
      "tensors": .array(pairs.map(\.json)),
      "added": .array(added.map(\.json)), "removed": .array(removed.map(\.json)),
      "renamed": .array(renamed.map { ["a": .string($0.a.name), "b": .string($0.b.name)] }),
      "ranks": .array(ranks.map(\.json)),
      "energy_by_rank": .array(
        (hasAllRanks ? rankSummaries : []).map { summary in
          [
            "component": .string(summary.component), "matrices": .integer(summary.count),
            "shares": .object(
              JSONObject(zip(RankSummary.steps, summary.shares).map { ("\($0)", .number($1)) })),
          ]
        }),
      "left_behind": .array(
        leftBehind.map {
          [
            "model": .string($0.isFirst ? "a" : "b"), "reason": .string($0.reason),
            "count": .integer($0.count),
          ]
        }),
    ]
  }
}

extension ChangeRank {
  /// The ranks that hold shares of the energy, and the shares that ranks hold, of whole matrices.
  fileprivate var json: JSON {
    [
      "name": .string(name), "rows": .integer(rows), "columns": .integer(columns),
      "whole": .bool(isWhole), "rank": rank.map { .integer($0) } ?? .null,
      "effective_rank": .number(effectiveRank), "norm": .number(energy.squareRoot()),
      "ranks": .object(
        JSONObject([0.5, 0.9, 0.99].map { ("\($0)", .integer(rank(holding: $0))) })),
      "shares": .object(
        JSONObject(ModelDiff.RankSummary.steps.map { ("\($0)", .number(share(of: $0))) })),
    ]
  }
}

extension DiffSide {
  fileprivate var json: JSON {
    [
      "path": .string(path), "format": .string(format), "family": .string(family),
      "tensors": .integer(tensorCount), "bytes": .integer(byteCount),
    ]
  }
}

extension DiffGroup {
  fileprivate var json: JSON {
    var json: JSONObject = ["name": .string(title), "tensors": .integer(pairCount)]
    for state in TensorPair.State.allCases { json[state.rawValue] = .integer(count(state)) }
    json["added"] = .integer(addedCount)
    json["removed"] = .integer(removedCount)
    json["retyped"] = .integer(retypedCount)
    for member in difference.json.members { json[member.key] = member.value }
    return .object(json)
  }
}

extension TensorPair {
  fileprivate var json: JSON {
    var json: JSONObject = [
      "name": .string(name), "state": .string(state.rawValue), "identical": .bool(isIdentical),
      "read": .bool(!isSpared), "component": .string(place.component),
      "block": .string(place.block), "kind": .string(place.kind.rawValue),
      "a": a.typeAndShape(scaledTypeA), "b": b.typeAndShape(scaledTypeB),
    ]
    switch relation {
    case .same: break
    case .reshaped: json["relation"] = "reshaped"
    case .transposed: json["relation"] = "transposed"
    case .halvesSwapped: json["relation"] = "halves_swapped"
    case .rows(let common):
      json["relation"] = "rows"
      json["common_rows"] = .integer(common)
    case .incomparable: json["relation"] = "incomparable"
    }
    for member in difference?.json.members ?? [] { json[member.key] = member.value }
    if let roundings = difference?.roundings {
      json["roundings"] = .array(roundings.map(\.text).sorted().map { .string($0) })
    }
    if let packedForm { json["packed_form"] = .string(packedForm.rawValue) }
    if let changedRows {
      json["changed_rows"] = [
        "count": .integer(changedRows.count),
        "first": .array(changedRows.first.map { .integer($0) }),
      ]
    }
    return .object(json)
  }
}

extension Rounding {
  /// In words: `to f16`, `from bf16`, `both`.
  fileprivate var text: String {
    switch self {
    case .to(let type): "to \(type.name)"
    case .from(let type): "from \(type.name)"
    case .both: "both"
    }
  }
}

extension TensorDescription {
  /// - Parameter scaledType: the type of a weight that was multiplied with its scale.
  fileprivate func typeAndShape(_ scaledType: ElementType? = nil) -> JSON {
    var json: JSONObject = [
      "dtype": .string((scaledType ?? elementType).name),
      "shape": .array(shape.dimensions.map { .integer($0) }),
    ]
    if scaledType != nil { json["scaled"] = true }
    return .object(json)
  }

  fileprivate var json: JSON {
    var json: JSONObject = ["name": .string(name)]
    for member in typeAndShape().objectValue?.members ?? [] { json[member.key] = member.value }
    return .object(json)
  }
}

extension TensorDifference {
  /// The figures for machines. What does not exist (a cosine with zero) is `null`.
  fileprivate var json: JSONObject {
    [
      "values": .integer(count), "finite": .integer(finiteCount),
      "changed_values": .integer(changedCount), "changed_fraction": .number(changedFraction),
      "beyond_tolerance": .integer(beyondCount),
      "max_abs": .number(maxAbs), "mean_abs": meanAbs.map { .number($0) } ?? .null,
      "rms": rootMeanSquare.map { .number($0) } ?? .null,
      "norm_a": .number(sumSquaresA.squareRoot()), "norm_b": .number(sumSquaresB.squareRoot()),
      "norm": .number(sumSquares.squareRoot()), "relative_norm": .number(relativeNorm),
      "cosine": cosineSimilarity.map { .number($0) } ?? .null,
      "non_finite_a": .integer(nonFiniteCountA), "non_finite_b": .integer(nonFiniteCountB),
      "non_finite_changed": .integer(nonFiniteChangedCount),
    ]
  }
}
