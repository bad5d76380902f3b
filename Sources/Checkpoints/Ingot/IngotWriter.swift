public import TensorCore

/// Writes one `.ingot` file in one streaming pass, the header last.
///
/// Digests and statistics are made while the bytes pass through. A tensor whose bytes equal those
/// of one written before shares its place in the file.
public struct IngotWriter: ~Copyable, CheckpointWriter {
  private var file: OutputFile
  private let tool: String
  private let source: (@Sendable () throws -> JSONObject)?
  private var announcement: Announcement?
  private var metadata = JSONObject()
  private var components: JSONObject?
  private var records: [IngotRecord] = []
  private var extents: [Content: Range<Int>] = [:]
  private var attachments: [String: (mediaType: String, bytes: [UInt8])] = [:]

  /// What bytes are shared by: their digest and number.
  private struct Content: Hashable {
    let digest: Digest128
    let count: Int
  }

  /// Starts a file that will replace the one at the destination, with its configurations as
  /// `components` of the metadata, its attachments and where the model came from.
  ///
  /// - Throws: `FileError` when it cannot be created, `IngotError` when the path of an attachment
  ///   is not plain and relative.
  public init(to destination: Destination) throws {
    for path in destination.attachments.keys { try Self.check(path, of: destination.path) }
    file = try OutputFile(replacing: destination.path)
    tool = destination.tool
    source = destination.source
    if !destination.configurations.isEmpty {
      let configurations = destination.configurations.sorted { $0.key < $1.key }
      components = JSONObject(configurations.map { ($0.key, .object($0.value)) })
    }
    for (path, bytes) in destination.attachments {
      attachments[path] = (Self.mediaType(of: path), bytes)
    }
  }

  /// Starts a file that will replace `path`.
  ///
  /// - Parameter tool: the program and version that the metadata names as the writer.
  /// - Throws: `FileError` when it cannot be created.
  public init(path: String, tool: String = "assay") throws(FileError) {
    file = try OutputFile(replacing: path)
    self.tool = tool
    source = nil
  }

  /// Announces the tensors.
  ///
  /// The members of `metadata` that are strings are kept as the original container's, under
  /// `format_metadata`; all others stand at the top of the ingot's metadata: `components` (the
  /// configurations by component), `source` (`name`, `size`, `sha256`), `values` (what a pickle
  /// holds beside tensors).
  ///
  /// - Throws: `CheckpointError` when names repeat, `IngotError` when a rank exceeds 8 or a member
  ///   of the metadata has a name that the writer needs, `FileError` when the disk fails.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    announcement = try Announcement(tensors, path: file.path)
    for tensor in tensors {
      guard tensor.shape.rank <= IngotLayout.rankLimit else {
        throw error(
          tensor.name, "rank \(tensor.shape.rank), an ingot holds at most \(IngotLayout.rankLimit)")
      }
      guard tensor.elementType.byteCount(for: tensor.shape) != nil else {
        throw error(tensor.name, "\(tensor.elementType) \(tensor.shape) is not a possible size")
      }
    }
    let nameBytes = tensors.reduce(0) { $0 + $1.name.utf8.count }
    guard nameBytes <= Int(UInt32.max), tensors.count <= Int(UInt32.max) else {
      throw CheckpointError(
        path: file.path,
        problem: .headerTooLarge(bytes: nameBytes, limit: Int(UInt32.max)))
    }
    let strings = metadata.members.filter { $0.value.stringValue != nil }
    self.metadata["tool"] = .string(tool)
    self.metadata["format_metadata"] = .object(JSONObject(strings.map { ($0.key, $0.value) }))
    for member in metadata.members where member.value.stringValue == nil {
      guard self.metadata[member.key] == nil else {
        throw CheckpointError(
          path: file.path, problem: .reservedName(member.key, format: .ingot))
      }
      self.metadata[member.key] = member.value
    }
    if let components { self.metadata["components"] = .object(components) }
    records.reserveCapacity(tensors.count)
    file.reserve(byteCount: tensors.byteCount)
    try file.pad(to: IngotLayout.headerBytes)
  }

  private func error(_ tensor: String, _ problem: String) -> IngotError {
    IngotError(path: file.path, problem: .tensor(tensor, problem: problem))
  }

  /// Writes the bytes of the next announced tensor.
  public mutating func append(_ tensor: TensorView) throws {
    precondition(announcement != nil, "append was called before begin")
    _ = try announcement?.advance(tensor.description)
    let count = tensor.byteRange.count
    let end = file.position
    let start = IngotLayout.align(end, to: IngotLayout.alignment(ofTensor: count))
    try file.pad(to: start)
    var accumulator = TensorSummary.Accumulator(type: tensor.elementType)
    try tensor.forEachChunk { bytes throws(FileError) in
      accumulator.update(bytes)
      try file.write(bytes)
    }
    let summary = accumulator.finish()
    let content = Content(digest: summary.digest, count: count)
    var range = start..<start + count
    if let shared = extents[content] {
      // Known only now: what was written again is written over.
      try file.rewind(to: end)
      range = shared
    } else {
      extents[content] = range
    }
    records.append(
      IngotRecord(
        description: tensor.description, byteRange: range, digest: summary.digest,
        statistics: summary.statistics))
  }

  /// Attaches a file: a tokenizer's vocabulary, a licence.
  ///
  /// - Parameters:
  ///   - path: a relative path, parts separated by `/`: `tokenizer/vocab.json`. An attachment of
  ///     the same path is replaced.
  ///   - bytes: the file's content; kept in memory until `finish()`.
  ///   - mediaType: `application/json`; found from the path's ending when `nil`.
  /// - Throws: `IngotError` when the path is not plain and relative.
  public mutating func attach(
    _ path: String, bytes: [UInt8], mediaType: String? = nil
  ) throws(IngotError) {
    try Self.check(path, of: file.path)
    attachments[path] = (mediaType ?? Self.mediaType(of: path), bytes)
  }

  private static func check(_ attachment: String, of file: String) throws(IngotError) {
    guard IngotAttachment.isSafe(attachment) else {
      throw IngotError(
        path: file, problem: .attachments(problem: "'\(attachment)' is not a plain relative path"))
    }
  }

  private static func mediaType(of path: String) -> String {
    switch path.split(separator: ".").last {
    case "json": "application/json"
    case "txt", "md": "text/plain; charset=utf-8"
    default: "application/octet-stream"
    }
  }

  /// Writes the index and everything behind it, then the header, and moves the file into place.
  public consuming func finish() throws {
    precondition(announcement != nil, "finish was called before begin")
    try announcement?.checkComplete()
    if let source { metadata["source"] = .object(try source()) }
    let order = records.indices.sorted {
      let (left, right) = (records[$0].description.name, records[$1].description.name)
      return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
    var index: [UInt8] = []
    index.reserveCapacity(order.count * IngotLayout.recordBytes)
    var names: [UInt8] = []
    for position in order {
      let name = records[position].description.name.utf8
      index += records[position].encoded(
        nameOffset: UInt32(names.count), nameLength: UInt32(name.count),
        position: UInt32(position))
      names += name
    }
    var sections = [
      try put(index), try put(names), try put(Array(JSON.object(metadata).text().utf8)),
    ]
    sections.append(try putAttachments())
    let header = IngotHeader(
      sections: sections,
      fingerprint: WeightsFingerprint.of(records.map { ($0.description, $0.digest) }),
      fileLength: file.position)
    try unsafe file.overwrite(header.encoded.span.bytes, at: 0)
    try file.commit()
  }

  private mutating func put(_ bytes: [UInt8]) throws(FileError) -> IngotHeader.Section {
    try file.pad(to: IngotLayout.align(file.position))
    let start = file.position
    try unsafe file.write(bytes.span.bytes)
    return IngotHeader.Section(
      range: start..<file.position, hash: unsafe XXHash3.hash64(bytes.span.bytes))
  }

  private mutating func putAttachments() throws(FileError) -> IngotHeader.Section {
    let paths = attachments.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var entries = paths.map { path in
      let (mediaType, bytes) = attachments[path] ?? ("", [])
      return IngotAttachment(
        path: path, mediaType: mediaType, digest: unsafe XXHash3.hash128(bytes.span.bytes),
        range: 0..<bytes.count)
    }
    // The offsets stand in the directory, whose length depends on them: repeat until it settles.
    var directory: [UInt8] = []
    var length = -1
    while length != directory.count {
      length = directory.count
      var end = 8 + length
      for place in entries.indices {
        let start = IngotLayout.align(end)
        end = start + entries[place].range.count
        entries[place].range = start..<end
      }
      directory = Array(JSON.array(entries.map(\.json)).text().utf8)
    }
    var prefix: [UInt8] = []
    prefix.append(littleEndian: UInt64(directory.count))
    let section = try put(prefix + directory)
    for entry in entries {
      try file.pad(to: IngotLayout.align(file.position))
      let bytes = attachments[entry.path]?.bytes ?? []
      try unsafe file.write(bytes.span.bytes)
    }
    return IngotHeader.Section(
      range: section.range.lowerBound..<file.position, hash: section.hash)
  }
}
