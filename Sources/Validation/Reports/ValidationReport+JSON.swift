public import TensorCore

extension ValidationReport {
  /// The report for machines. Figures that are not finite are written as `null`.
  public var json: JSON {
    [
      "model": .string(model), "reference": .string(reference), "passed": .bool(isPassed),
      "components": .array(verdicts.map(\.json)),
    ]
  }
}

extension ComponentVerdict {
  /// One word: `passed`, `failed` or `skipped`.
  public var outcomeName: String {
    switch outcome {
    case .passed: "passed"
    case .failed: "failed"
    case .skipped: "skipped"
    }
  }

  fileprivate var json: JSON {
    var object: JSONObject = [
      "component": .string(component.rawValue), "outcome": .string(outcomeName),
      "seconds": .number(seconds),
    ]
    if case .skipped(let reason) = outcome { object["reason"] = .string(reason) }
    object["checks"] = .array(checks.map(\.json))
    return .object(object)
  }
}

extension Check {
  fileprivate var json: JSON {
    var object: JSONObject = [
      "name": .string(name), "passed": .bool(isPassed), "bound": .string("\(bound)"),
    ]
    for member in comparison.json.members { object[member.key] = member.value }
    object["seconds"] = .number(seconds)
    if let remark { object["remark"] = .string(remark) }
    if let firstBlock {
      object["first_block"] = .object(
        JSONObject(
          [("block", JSON.string(firstBlock.block))]
            + firstBlock.comparison.json.members.map { ($0.key, $0.value) }
            + [("last_good_block", firstBlock.lastGoodBlock.map(JSON.string) ?? .null)]))
    }
    return .object(object)
  }
}

extension Comparison {
  fileprivate var json: JSONObject {
    var object: JSONObject = [
      "shape": .array(shape.map(JSON.integer)), "max_abs_error": .number(maxAbsoluteError),
      "relative_error": .number(relativeError), "cosine_similarity": .number(cosineSimilarity),
      "non_finite": .integer(nonFiniteCount),
    ]
    if let peakSignalToNoise { object["psnr_db"] = .number(peakSignalToNoise) }
    return object
  }
}
