public import TensorCore

extension ModelInspection {
  /// What was looked at, for machines; to go beside a `CheckpointSummary`.
  public var json: JSONObject {
    var json: JSONObject = ["tree": tree.root.json]
    if let facts {
      json["statistics"] = .array(facts.tensors.map(\.json))
      json["bytes_read"] = .integer(touchedBytes)
    }
    if let detail { json["tensor"] = detail.json }
    if !fileHashes.isEmpty {
      json["files"] = .array(fileHashes.map(\.json))
      json["stated_hashes"] = .array(
        statedHashes.map {
          [
            "key": .string($0.key), "stated": .string($0.stated),
            "right": $0.isRight.map { .bool($0) } ?? .null,
          ]
        })
    }
    if let fingerprints {
      json["fingerprint"] = .string(fingerprints.whole.description)
      json["component_fingerprints"] = .object(
        JSONObject(
          fingerprints.components.map { ($0.name, .string($0.fingerprint.description)) }))
      if !tensorDigests.isEmpty {
        json["tensor_fingerprints"] = .object(
          JSONObject(zip(tensors, tensorDigests).map { ($0.name, .string($1.description)) }))
      }
      json["known_components"] = .object(
        JSONObject(knownNames.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
    if let health {
      json["healthy"] = .bool(health.isHealthy)
      json["findings"] = .array(health.findings.map(\.json))
    }
    return json
  }
}

extension ModelTree.Node {
  fileprivate var json: JSON {
    [
      "name": .string(title), "path": .string(path), "tensors": .integer(tensorCount),
      "parameters": .integer(parameterCount), "bytes": .integer(byteCount),
      "dtypes": .array(elementTypes.map { .string($0.name) }),
      "children": .array(children.map(\.json)),
    ]
  }
}

extension ModelFacts.Tensor {
  fileprivate var json: JSON {
    var json: JSONObject = [
      "name": .string(description.name), "dtype": .string(description.elementType.name),
      "shape": .array(description.shape.dimensions.map { .integer($0) }),
      "digest": .string(digest.description),
    ]
    for member in statistics?.json.members ?? [] { json[member.key] = member.value }
    return .object(json)
  }
}

extension TensorStatistics {
  /// The figures for machines; `null` where there is no finite value.
  fileprivate var json: JSONObject {
    [
      "min": .number(minimum), "max": .number(maximum), "mean": .number(mean),
      "std": .number(standardDeviation), "zeros": .integer(zeroCount),
      "non_finite": .integer(nonFiniteCount),
    ]
  }
}

extension TensorDetail {
  fileprivate var json: JSON {
    var json: JSONObject = [
      "name": .string(description.name), "source_name": sourceName.map { .string($0) } ?? .null,
      "dtype": .string(description.elementType.name),
      "shape": .array(description.shape.dimensions.map { .integer($0) }),
      "digest": .string(digest.description),
      "first_values": .array(firstValues.map { .number($0) }),
    ]
    for member in statistics?.json.members ?? [] { json[member.key] = member.value }
    if let histogram {
      json["histogram"] = [
        "min": .number(histogram.minimum), "max": .number(histogram.maximum),
        "counts": .array(histogram.counts.map { .integer($0) }),
      ]
    }
    return .object(json)
  }
}

extension FileHashes {
  fileprivate var json: JSON {
    [
      "path": .string(path), "sha256": .string(sha256),
      "autov1": autoV1.map { .string($0) } ?? .null, "autov2": .string(autoV2),
      "autov3": autoV3.map { .string($0) } ?? .null,
      "sshs_model_hash": tensorData.map { .string($0) } ?? .null,
      "modelspec_hash": modelspec.map { .string($0) } ?? .null,
    ]
  }
}

extension HealthReport.Finding {
  fileprivate var json: JSON {
    [
      "kind": .string(kind.rawValue), "problem": .bool(isProblem), "text": .string(text),
      "tensors": .array(tensors.map { .string($0) }),
    ]
  }
}
