public import TensorCore

/// The tensors of one `.ingot` file, as views straight into the mapping.
///
/// Opening reads the header, the index, the names, the metadata and the directory of the
/// attachments, checks their hashes and every offset in them, and touches no tensor. What the
/// digests promise about the tensors' bytes is checked by `verify()` only.
public struct IngotReader: TensorSource, CheckpointReader {
  /// The path that the user gave.
  public let path: String
  /// The tensors, in the order in which they were written.
  public let tensors: [TensorDescription]
  /// The metadata object: `tool`, `format_metadata` (the strings of the original container), and
  /// where there are any `components`, `source`, `values`.
  public let metadata: JSONObject
  /// One number for all weights: see `WeightsFingerprint`.
  public var weightsFingerprint: Digest128 { header.fingerprint }
  /// The paths of the attached files, sorted by their bytes.
  public var attachmentPaths: [String] { attached.map(\.path) }

  let storage: ByteStorage
  let header: IngotHeader
  let index: IngotIndex
  let attached: [IngotAttachment]
  /// By place in `tensors`, the place in the sorted index.
  private let places: [Int]

  /// Opens a file.
  ///
  /// - Throws: `FileError` when it cannot be mapped, `IngotError` when it is damaged or breaks the
  ///   format.
  public init(path: String) throws {
    try self.init(storage: .opening(path), path: path)
  }

  init(
    storage: ByteStorage, path: String, options: ReadingOptions = ReadingOptions()
  ) throws(IngotError) {
    self.path = path
    self.storage = storage
    let header = try IngotHeader(storage: storage, path: path)
    self.header = header
    func fail(_ problem: IngotError.Problem) -> IngotError {
      IngotError(path: path, problem: problem)
    }
    func section(_ section: IngotSection, prefix: Int? = nil) throws(IngotError) -> [UInt8] {
      let (range, expected) = (header[section].range, header[section].hash)
      let bytes = storage.array(in: range.prefix(prefix ?? range.count))
      let found = unsafe XXHash3.hash64(bytes.span.bytes)
      guard found == expected else {
        throw fail(.sectionHash(section, expected: expected, found: found))
      }
      return bytes
    }
    func json(_ section: IngotSection, _ bytes: [UInt8]) throws(IngotError) -> JSON {
      do { return try JSON(parsing: bytes) } catch { throw fail(.json(section, error)) }
    }

    let indexRange = header[.index].range
    guard indexRange.count % IngotLayout.recordBytes == 0 else {
      throw fail(
        .section(
          .index, offset: UInt64(indexRange.lowerBound), length: UInt64(indexRange.count),
          problem: "is not a whole number of records of \(IngotLayout.recordBytes) bytes"))
    }
    let index = try IngotIndex(
      index: section(.index), names: section(.names), dataEnd: indexRange.lowerBound, path: path)
    self.index = index
    guard let metadata = try json(.metadata, section(.metadata)).objectValue else {
      throw fail(.json(.metadata, JSONError(offset: 0, problem: "expected an object")))
    }
    self.metadata = metadata

    let range = header[.attachments].range
    let length = range.count < 8 ? nil : storage.load(UInt64.self, at: range.lowerBound)
    guard let length, length <= UInt64(range.count - 8) else {
      throw fail(.attachments(problem: "the directory does not fit into \(range.count) bytes"))
    }
    let directoryEnd = 8 + Int(length)
    let directory = try section(.attachments, prefix: directoryEnd)
    do {
      attached = try IngotAttachment.directory(
        JSON(parsing: Array(directory[8...])), end: directoryEnd, sectionLength: range.count)
    } catch let error as IngotAttachment.Problem {
      throw fail(.attachments(problem: error.text))
    } catch let error as JSONError {
      throw fail(
        .json(.attachments, JSONError(offset: error.offset + 8, problem: error.problem)))
    } catch {
      throw fail(.attachments(problem: "\(error)"))
    }

    var places = [Int](repeating: 0, count: index.records.count)
    for (place, position) in index.positions.enumerated() { places[position] = place }
    self.places = places
    tensors = places.map { index.records[$0].description }
  }

  /// The tensor at an index of `tensors`. Never throws: the index was checked.
  public func tensor(at index: Int) -> TensorView {
    let record = record(at: index)
    return TensorView(
      description: record.description, storage: storage, byteRange: record.byteRange)
  }

  /// Tells the system that only some of the tensors will be read, so that it fetches no others on the
  /// way.
  package func readsScattered() { storage.advise(.scattered, range: 0..<storage.count) }

  /// What the index says about the tensor at an index of `tensors`: digest and statistics.
  public func record(at index: Int) -> IngotRecord { self.index.records[places[index]] }

  /// The place in `tensors` of the tensor with a name, byte for byte, by binary search.
  public func position(of name: String) -> Int? { index.position(of: name) }

  /// The configurations of the model's components, with diffusers' field names.
  public var components: [String: JSONObject] {
    var components: [String: JSONObject] = [:]
    for member in metadata["components"]?.objectValue?.members ?? [] {
      components[member.key] = member.value.objectValue
    }
    return components
  }

  /// The bytes of one attached file.
  ///
  /// - Throws: `IngotError` when there is none of that path or its bytes are damaged.
  public func attachment(_ path: String) throws(IngotError) -> [UInt8] {
    guard let entry = attached.first(where: { $0.path.utf8.elementsEqual(path.utf8) }) else {
      throw IngotError(path: self.path, problem: .missingAttachment(path))
    }
    let bytes = storage.array(in: fileRange(of: entry))
    let found = unsafe XXHash3.hash128(bytes.span.bytes)
    guard found == entry.digest else {
      throw IngotError(
        path: self.path,
        problem: .attachmentDigest(path, expected: entry.digest, found: found))
    }
    return bytes
  }

  /// All attached files by path; read and checked on every use.
  public var attachments: [String: [UInt8]] {
    get throws {
      var files: [String: [UInt8]] = [:]
      for path in attachmentPaths { files[path] = try attachment(path) }
      return files
    }
  }

  /// Where the bytes of an attachment lie in the file.
  func fileRange(of entry: IngotAttachment) -> Range<Int> {
    let start = header[.attachments].range.lowerBound
    return start + entry.range.lowerBound..<start + entry.range.upperBound
  }

  /// The metadata as `IngotWriter.begin` takes it: the original container's strings, and the rest
  /// beside them.
  public var checkpointMetadata: JSONObject {
    let strings = metadata["format_metadata"]?.objectValue?.members ?? []
    let others = metadata.members.filter { !["format_metadata", "tool"].contains($0.key) }
    return JSONObject((strings + others).map { ($0.key, $0.value) })
  }

  static let format = ContainerFormat.ingot

  static func recognises(_ bytes: ByteStorage) -> Bool {
    IngotLayout.magic.indices.allSatisfy {
      bytes.load(UInt8.self, at: $0) == IngotLayout.magic[$0]
    }
  }

  var checkpoint: Checkpoint {
    Checkpoint(
      path: path, format: .ingot, source: self, metadata: checkpointMetadata,
      configurations: components,
      attachments: Attachments(paths: attachmentPaths) { try attachment($0) })
  }
}

extension ContainerFormat {
  /// This project's own mapped model file.
  public static let ingot = ContainerFormat("ingot")
}
