public import TensorCore

extension ContainerFormat {
  /// What the names of metadata start with that a container would have taken for its own.
  public static let keptPrefix = "assay.kept."

  /// Members of metadata that describe a file of this container, and so do not travel.
  private var ownMembers: Set<String> {
    switch self {
    case .pytorch: ["wrapper", "unreadMembers", "tensorsOutsideRoot", "unreadTensors"]
    case .ingot: ["components", "source", "tool", "model_index", "format_metadata"]
    case .diffusers: ["model_index"]
    case .gguf: Set(GGUFReader.ownKeys)
    default: []
    }
  }

  /// Whether a file of this container holds a member of its own under the key, so that a member of
  /// that name from elsewhere needs another one.
  public func reserves(_ key: String, _ value: JSON) -> Bool {
    switch (self, key) {
    // transformers loads files of torch's tensors.
    case (.diffusers, "format"): value != "pt"
    case (.pytorch, "values"): value.objectValue == nil
    case (.gguf, _) where key.hasPrefix(GGUFReader.shapeKeyPrefix): true
    default: ownMembers.contains(key)
    }
  }

  fileprivate func describes(_ key: String) -> Bool {
    ownMembers.contains(key) || self == .gguf && key.hasPrefix(GGUFReader.shapeKeyPrefix)
  }
}

extension Checkpoint {
  /// What the checkpoint says beside its tensors, in one form for all containers: strings, and
  /// under `values` what a pickle once held.
  public var portableMetadata: JSONObject {
    var metadata = JSONObject(
      metadata.members.filter { !format.describes($0.key) }.map { ($0.key, $0.value) })
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
    for member in metadata.members where member.key.hasPrefix(ContainerFormat.keptPrefix) {
      let key = String(member.key.dropFirst(ContainerFormat.keptPrefix.count))
      guard !key.isEmpty, metadata[key] == nil else { continue }
      metadata[key] = member.value
      metadata[member.key] = nil
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
