internal import Checkpoints
internal import Conversion
internal import KeyLayouts
internal import TensorCore

extension Diagnosis {
  /// The outcome for machines.
  func json(withChanges: Bool, outcome: RepairOutcome?) -> JSON {
    let reading = try? model.reading.get()
    var json: JSONObject = [
      "path": .string(model.checkpoint.path),
      "format": .string(model.checkpoint.format.rawValue),
      "family": reading.map { .string($0.detection.family.rawValue) } ?? .null,
      "recognised": model.recognisedTitle.map { .string($0) } ?? .null,
      "layout": reading.map { .string($0.detection.layout.rawValue) } ?? .null,
      "healthy": .bool(isHealthy),
      "findings": .array(findings.map(\.json)),
    ]
    if withChanges {
      json["changes"] = .array(changes.map(\.json))
      json["metadata_changes"] = .object(
        JSONObject(metadataChanges.map { ($0.key, $0.value ?? .null) }))
    }
    if let outcome {
      json["output"] = [
        "path": .string(outcome.report.output),
        "format": .string(outcome.report.container.rawValue),
        "layout": outcome.report.layout.map { .string($0.rawValue) } ?? .null,
        "changed": .integer(outcome.changed), "healthy": .bool(outcome.isHealthy),
        "remaining": .array(outcome.remaining.map(\.json)),
      ]
    }
    return .object(json)
  }
}

extension Finding {
  fileprivate var json: JSON {
    [
      "check": .string(check), "severity": .string(severity.rawValue), "what": .string(what),
      "count": .integer(tensors.count), "tensors": .array(tensors.map(JSON.string)),
      "why": .string(why), "repairable": .bool(repair != nil),
      "repair": repair.map(JSON.string) ?? .null, "advice": advice.map(JSON.string) ?? .null,
    ]
  }
}

extension TensorChange {
  fileprivate var json: JSON {
    ["check": .string(check), "old": Self.json(old), "new": Self.json(new)]
  }

  private static func json(_ tensor: TensorDescription?) -> JSON {
    guard let tensor else { return .null }
    return [
      "name": .string(tensor.name), "dtype": .string(tensor.elementType.name),
      "shape": .array(tensor.shape.dimensions.map(JSON.integer)),
    ]
  }
}
