public import TensorCore

/// Writes a checkpoint as `torch.save` would, streaming: `{"state_dict": {…}, …}` as a pickle of
/// protocol 2 and one aligned, uncompressed member a tensor. `torch.load(weights_only=True)` reads
/// it.
///
/// Equal input gives equal bytes.
public struct PyTorchWriter: ~Copyable, CheckpointWriter {
  private var zip: ZipWriter
  private var announcement: Announcement?
  private static let folder = "archive/"

  /// Starts a file that will replace the one at the destination.
  public init(to destination: Destination) throws { try self.init(path: destination.path) }

  /// Starts a file that will replace `path`.
  ///
  /// - Throws: `FileError` when it cannot be created.
  public init(path: String) throws(FileError) {
    try self.init(path: path, wideLimit: 0xFFFF_FFFF)
  }

  init(path: String, wideLimit: Int) throws(FileError) {
    zip = try ZipWriter(path: path, wideLimit: wideLimit)
  }

  /// Writes the pickle.
  ///
  /// The members of `metadata["values"]` stand beside `state_dict`, those that a reader found
  /// inside `state_dict` go there again; other metadata is kept as a dictionary `metadata`.
  /// Notes of classes and functions, which mean nothing outside the pickle that named them, are
  /// left out.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    let metadata = metadata.withoutOpaqueValues
    var pickler = Pickler()
    pickler.append(.emptyDictionary)
    pickler.append(.mark)
    pickler.append(string: "state_dict")
    pickler.appendEmptyOrderedDictionary()
    pickler.append(.mark)
    for (index, tensor) in tensors.enumerated() {
      pickler.append(string: tensor.name)
      try append(tensor, at: index, to: &pickler)
    }
    var values = metadata["values"]?.objectValue ?? JSONObject()
    if let inner = values["state_dict"]?.objectValue {
      let names = Set(tensors.map(\.name))
      pickler.append(
        items: JSONObject(
          inner.members.filter { !names.contains($0.key) }.map { ($0.key, $0.value) }))
    }
    values["state_dict"] = nil
    pickler.append(.setItems)
    pickler.append(items: values)
    var others = metadata
    for key in ["values", "wrapper", "unreadMembers"] { others[key] = nil }
    if !others.isEmpty, values["metadata"] == nil {
      pickler.append(string: "metadata")
      pickler.append(.object(others))
    }
    pickler.append(.setItems)
    try begin(tensors, pickle: pickler.finish())
  }

  /// Announces every tensor and writes the pickle that refers to them.
  mutating func begin(_ tensors: [TensorDescription], pickle: [UInt8]) throws {
    announcement = try Announcement(tensors, path: zip.path)
    zip.reserve(tensors)
    try add("data.pkl", pickle)
    try add("byteorder", Array("little".utf8))
    try add("version", Array("3\n".utf8))
  }

  /// Pickles the tensor that will be the one at `index`.
  func append(
    _ tensor: TensorDescription, at index: Int, to pickler: inout Pickler
  ) throws(CheckpointError) {
    guard let count = tensor.elementType.byteCount(for: tensor.shape),
      pickler.append(tensor, key: "\(index)", byteCount: count)
    else {
      throw CheckpointError(
        path: zip.path,
        problem: .elementType(
          tensor: tensor.name, type: tensor.elementType, format: .pytorch))
    }
  }

  private mutating func add(_ name: String, _ bytes: [UInt8]) throws(FileError) {
    try unsafe zip.add(Self.folder + name, bytes.span.bytes)
  }

  /// Writes the bytes of the next announced tensor.
  public mutating func append(_ tensor: TensorView) throws {
    precondition(announcement != nil, "append was called before begin")
    guard let index = try announcement?.advance(tensor.description) else { return }
    try zip.add(Self.folder + "data/\(index)", tensor)
  }

  /// Completes the file and moves it into place.
  public consuming func finish() throws {
    try announcement?.checkComplete()
    try zip.finish()
  }
}
