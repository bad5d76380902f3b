public import TensorCore

/// Writes one `.safetensors` file, streaming.
///
/// The tensors stand in the order in which they are announced, so that a conversion there and back
/// keeps the order; upstream's writer sorts by element width instead. The format allows no holes,
/// so the data starts on a multiple of eight bytes (the header is padded with spaces) and every
/// tensor follows the one before.
public struct SafetensorsWriter: ~Copyable, CheckpointWriter {
  private var file: OutputFile
  private var announcement: Announcement?
  private let defaults: JSONObject

  /// Starts a file that will replace the one at the destination. Its metadata will say
  /// `format: pt`, which transformers insists on, unless they name another.
  public init(to destination: Destination) throws {
    file = try OutputFile(replacing: destination.path)
    defaults = ["format": "pt"]
  }

  /// Starts a file that will replace `path`.
  ///
  /// - Throws: `FileError` when it cannot be created.
  public init(path: String) throws(FileError) {
    file = try OutputFile(replacing: path)
    defaults = [:]
  }

  /// Writes the header.
  ///
  /// Metadata values other than strings are written as their JSON text: `__metadata__` holds only
  /// strings.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    announcement = try Announcement(tensors, path: file.path)
    var members: [(String, JSON)] = []
    members.reserveCapacity(tensors.count + 1)
    let missing = defaults.members.filter { metadata[$0.key] == nil }
    let strings = (metadata.members + missing).map { member in
      (member.key, JSON.string(member.value.stringValue ?? member.value.text()))
    }
    if !strings.isEmpty { members.append(("__metadata__", .object(JSONObject(strings)))) }
    var offset = 0
    for tensor in tensors {
      members.append((tensor.name, .object(try entry(for: tensor, offset: &offset))))
    }
    var header = Array(JSON.object(JSONObject(members)).text().utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= SafetensorsReader.headerLimit else {
      throw CheckpointError(
        path: file.path,
        problem: .headerTooLarge(bytes: header.count, limit: SafetensorsReader.headerLimit))
    }
    let length = UInt64(header.count)
    let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    try unsafe file.write((prefix + header).span.bytes)
  }

  private func entry(
    for tensor: TensorDescription, offset: inout Int
  ) throws(CheckpointError) -> JSONObject {
    guard tensor.name != "__metadata__" else {
      throw CheckpointError(
        path: file.path, problem: .reservedName(tensor.name, format: .safetensors))
    }
    guard let code = tensor.elementType.safetensorsCode,
      let count = tensor.elementType.byteCount(for: tensor.shape)
    else {
      throw CheckpointError(
        path: file.path,
        problem: .elementType(
          tensor: tensor.name, type: tensor.elementType, format: .safetensors))
    }
    let start = offset
    offset += count
    return [
      "dtype": .string(code),
      "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
      "data_offsets": [.integer(start), .integer(offset)],
    ]
  }

  /// Writes the bytes of the next announced tensor.
  public mutating func append(_ tensor: TensorView) throws {
    precondition(announcement != nil, "append was called before begin")
    _ = try announcement?.advance(tensor.description)
    try tensor.forEachChunk { bytes throws(FileError) in try file.write(bytes) }
  }

  /// Completes the file and moves it into place.
  public consuming func finish() throws {
    try announcement?.checkComplete()
    try file.commit()
  }
}
