internal import Checkpoints
internal import KeyLayouts
public import TensorCore

extension CheckpointSummary {
  /// The summary for machines.
  public var json: JSON { json(withLedger: false) }

  /// The summary for machines.
  ///
  /// - Parameter withLedger: whether the fate of every tensor is listed.
  public func json(withLedger: Bool) -> JSON {
    var json: JSONObject = [
      "path": .string(checkpoint.path), "format": .string(checkpoint.format.rawValue),
      "tensor_count": .integer(checkpoint.source.tensors.count),
      "element_count": .integer(elementCount), "byte_count": .integer(byteCount),
      "element_types": Self.json(elementTypes),
    ]
    switch reading {
    case .success(let reading):
      json["family"] = .string(reading.detection.family.rawValue)
      json["layout"] = .string(reading.detection.layout.rawValue)
      json["evidence"] = .array(reading.detection.evidence.map(JSON.string))
      json["components"] = .array(components.map(\.json))
      json["prediction"] = .object(reading.prediction.json)
      if let scheduler = reading.noted["scheduler"] {
        json["scheduler"] = [
          "configuration": .object(scheduler.fields),
          "configuration_origins": .object(scheduler.originsJSON),
        ]
      }
      var ledger = reading.ledger.json
      ledger["nearest"] = .object(
        JSONObject(
          reading.nearestToUnexplained.sorted { $0.key < $1.key }.map {
            ($0.key, .string($0.value))
          }))
      json["remarks"] = .array(reading.remarks.map(JSON.string))
      json["variants"] = .object(
        JSONObject(
          reading.variants.map { ($0.component.rawValue, .object([$0.field: $0.value])) }))
      if withLedger { ledger["entries"] = .array(reading.ledger.entries.map(\.json)) }
      json["ledger"] = .object(ledger)
    case .failure(let error):
      json["family"] = .null
      if let foreign {
        json["recognised"] = [
          "title": .string(foreign.title), "evidence": .string(foreign.evidence),
          "parts": .array(
            foreign.parts.map { part in
              [
                "name": .string(part.title), "prefix": .string(part.prefix),
                "tensors": .integer(part.tensors.count),
                "element_types": Self.json(Self.elementTypes(of: part.tensors)),
              ]
            }),
        ]
      }
      json["layout"] = .null
      let lines = partLines
      json["evidence"] = .array((lines.isEmpty ? [error.description] : lines).map(JSON.string))
      if let adapter { json["adapter"] = adapter.json }
      json["components"] = []
    }
    let training = TrainingSummary(metadata: checkpoint.metadata)
    if !training.lines.isEmpty {
      json["how_it_was_made"] = .object(
        JSONObject(training.lines.map { ($0.title, .string($0.text)) }))
    }
    json["stored_forms"] = .object(
      JSONObject(storedForms.counts.map { ($0.form.rawValue, .integer($0.count)) }))
    if let embeddings { json["textual_inversion"] = embeddings.json }
    json["tensors"] = .array(
      checkpoint.source.tensors.map { tensor in
        [
          "name": .string(tensor.name), "dtype": .string(tensor.elementType.name),
          "shape": .array(tensor.shape.dimensions.map(JSON.integer)),
        ]
      })
    json["metadata"] = .object(checkpoint.metadata)
    json["attachments"] = .array(checkpoint.attachments.paths.map(JSON.string))
    json["opaque_values"] = .array(
      checkpoint.opaqueValues.map { value in
        [
          "name": .string(value.qualifiedName), "offset": .integer(value.offset),
          "called": .bool(value.isCalled),
        ]
      })
    if let safety = checkpoint.shownSafety { json["safety"] = .object(safety.json) }
    return .object(json)
  }

  fileprivate static func json(_ counts: [ElementTypeCount]) -> JSON {
    .array(
      counts.map { count in
        [
          "dtype": .string(count.elementType.name), "tensors": .integer(count.tensorCount),
          "elements": .integer(count.elementCount), "bytes": .integer(count.byteCount),
        ]
      })
  }
}

extension ComponentSummary {
  fileprivate var json: JSON {
    [
      "name": .string(component.rawValue), "tensors": .integer(tensorCount),
      "parameters": .integer(parameterCount), "bytes": .integer(byteCount),
      "element_types": CheckpointSummary.json(elementTypes),
      "configuration": .object(configuration.fields),
      "configuration_origins": .object(configuration.originsJSON),
    ]
  }
}
