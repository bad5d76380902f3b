public import TensorCore

/// Writes one `.safetensors` file, or several with an index, streaming.
///
/// The tensors stand in the order in which they are announced, so that a conversion there and back
/// keeps the order; upstream's writer sorts by element width instead. The format allows no holes,
/// so the data starts on a multiple of eight bytes (the header is padded with spaces) and every
/// tensor follows the one before.
public struct SafetensorsWriter: ~Copyable, CheckpointWriter {
  private let path: String
  private let shardBytes: Int?
  private let defaults: JSONObject
  private let variant: String?
  private var announcement: Announcement?
  private var plan: ShardPlan
  private var headers: [[UInt8]] = []
  /// The file that is being written; of several, the first `finished.count` are behind it.
  private var file: OutputFile?
  private var finished: [SealedFile] = []

  /// Tensors can be divided among files.
  public static let writesShards = true

  /// What `format` says in the metadata where nothing else is asked for: torch's tensors.
  public static let tensorFormat: JSON = "pt"

  /// Starts a file that will replace the one at the destination. Its metadata will say
  /// `format: pt`, which transformers insists on, unless they name another.
  public init(to destination: Destination) throws {
    try self.init(
      path: destination.path, shardBytes: destination.shardBytes,
      defaults: ["format": Self.tensorFormat],
      variant: destination.variant)
  }

  /// Starts a file that will replace `path`.
  ///
  /// - Throws: `FileError` when it cannot be created.
  public init(path: String) throws(FileError) {
    try self.init(path: path, shardBytes: nil, defaults: [:])
  }

  private init(
    path: String, shardBytes: Int?, defaults: JSONObject, variant: String? = nil
  ) throws(FileError) {
    self.variant = variant
    self.path = path
    self.shardBytes = shardBytes
    self.defaults = defaults
    plan = ShardPlan([], limit: nil, path: path)
    // How many files there will be, and so their names, is not known yet.
    if shardBytes == nil { file = try OutputFile(replacing: path) }
  }

  /// Writes the header.
  ///
  /// Metadata values other than strings are written as their JSON text: `__metadata__` holds only
  /// strings. Every shard has all metadata.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    announcement = try Announcement(tensors, path: path)
    plan = ShardPlan(tensors, limit: shardBytes, path: path, variant: variant)
    let missing = defaults.members.filter { metadata[$0.key] == nil }
    let strings = (metadata.members + missing).map { member in
      (member.key, JSON.string(member.value.stringValue ?? member.value.text()))
    }
    headers = try plan.ranges.map { range throws(CheckpointError) in
      try header(tensors[range], strings)
    }
    try beginFile()
  }

  private func header(
    _ tensors: ArraySlice<TensorDescription>, _ strings: [(String, JSON)]
  ) throws(CheckpointError) -> [UInt8] {
    var members: [(String, JSON)] = []
    members.reserveCapacity(tensors.count + 1)
    if !strings.isEmpty { members.append(("__metadata__", .object(JSONObject(strings)))) }
    var offset = 0
    for tensor in tensors {
      members.append((tensor.name, .object(try entry(for: tensor, offset: &offset))))
    }
    var header = Array(JSON.object(JSONObject(members)).text().utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= SafetensorsReader.headerLimit else {
      throw CheckpointError(
        path: path,
        problem: .headerTooLarge(bytes: header.count, limit: SafetensorsReader.headerLimit))
    }
    let length = UInt64(header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header
  }

  private mutating func beginFile() throws(FileError) {
    var next: OutputFile
    if let started = file.take() {
      next = started
    } else {
      next = try OutputFile(replacing: plan.paths[finished.count])
    }
    let header = headers[finished.count]
    let tensors = announcement?.tensors[plan.ranges[finished.count]] ?? []
    next.reserve(byteCount: tensors.byteCount)
    try unsafe next.write(header.span.bytes)
    file = consume next
  }

  private func entry(
    for tensor: TensorDescription, offset: inout Int
  ) throws(CheckpointError) -> JSONObject {
    guard tensor.name != "__metadata__" else {
      throw CheckpointError(
        path: path, problem: .reservedName(tensor.name, format: .safetensors))
    }
    guard let code = tensor.elementType.safetensorsCode,
      let count = tensor.elementType.byteCount(for: tensor.shape)
    else {
      throw CheckpointError(
        path: path,
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
    guard let index = try announcement?.advance(tensor.description) else { return }
    if index == plan.ranges[finished.count].upperBound {
      try sealFile()
      try beginFile()
    }
    try tensor.forEachChunk { bytes throws(FileError) in try file?.write(bytes) }
  }

  private mutating func sealFile() throws(FileError) {
    guard let written = file.take() else { return }
    finished.append(try written.seal())
  }

  /// Completes the file or files and moves them into place: the index last.
  public consuming func finish() throws {
    try announcement?.checkComplete()
    try sealFile()
    guard let indexPath = plan.indexPath else {
      for file in finished { try file.commit() }
      return
    }
    var index = try OutputFile(replacing: indexPath)
    try index.write(ShardIndex.json(plan, announcement?.tensors ?? []).text(indent: 2) + "\n")
    let sealed = try index.seal()
    // An index of before would tie old and new shards together while they are exchanged.
    if finished.contains(where: { OutputFile.exists($0.path) }) {
      try OutputFile.remove(indexPath)
    }
    for file in finished { try file.commit() }
    try sealed.commit()
  }
}
