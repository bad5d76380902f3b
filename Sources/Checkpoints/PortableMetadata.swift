public import TensorCore

extension Checkpoint {
  /// Members of `metadata` that describe the container they stand in, and so do not travel.
  private static let containerMembers = [
    "wrapper", "unreadMembers", "tensorsOutsideRoot", "unreadTensors", "components", "source",
    "model_index", "tool",
    "general.alignment", "general.file_type", "general.quantization_version",
  ]

  /// What the checkpoint says beside its tensors, in one form for all containers: strings, and
  /// under `values` what a pickle once held.
  public var portableMetadata: JSONObject {
    var metadata = metadata
    for member in Self.containerMembers { metadata[member] = nil }
    // safetensors holds nothing but strings: the values are there as their JSON text.
    if let text = metadata["values"]?.stringValue,
      let values = try? JSON(parsing: Array(text.utf8)), values.objectValue != nil
    {
      metadata["values"] = values
    }
    // A pickle has no place of its own for what other containers call metadata: the writer puts it
    // beside the tensors, and here it comes back.
    if var values = metadata["values"]?.objectValue,
      let nested = values["metadata"]?.objectValue
    {
      for member in nested.members where metadata[member.key] == nil {
        metadata[member.key] = member.value
      }
      values["metadata"] = nil
      metadata["values"] = values.isEmpty ? nil : .object(values)
    }
    return metadata
  }
}

extension JSONObject {
  /// The metadata without notes of classes and functions, which mean nothing outside the pickle
  /// that named them.
  public var withoutOpaqueValues: JSONObject {
    var metadata = self
    if let values = metadata["values"]?.objectValue {
      metadata["values"] = .object(Self.plain(values))
    }
    return metadata
  }

  private static func plain(_ object: JSONObject) -> JSONObject {
    JSONObject(
      object.members.compactMap { member in plain(member.value).map { (member.key, $0) } })
  }

  /// A value without the opaque ones in it; `nil` for an opaque value.
  private static func plain(_ value: JSON) -> JSON? {
    switch value {
    case .object(let object):
      if object["opaque"]?.stringValue != nil { return nil }
      let rest = plain(object)
      return rest.isEmpty && !object.isEmpty ? nil : .object(rest)
    case .array(let elements):
      let rest = elements.compactMap(plain)
      return rest.isEmpty && !elements.isEmpty ? nil : .array(rest)
    default: return value
    }
  }
}
