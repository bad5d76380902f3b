internal import TensorCore

/// The header of an ingot: where everything else lies.
struct IngotHeader {
  /// One section's place, and the hash of its bytes.
  struct Section {
    var range: Range<Int>
    /// The XXH3-64 of the section; of the directory alone for the attachments.
    var hash: UInt64
  }

  /// By `IngotSection.rawValue`.
  var sections: [Section]
  var fingerprint: Digest128
  var fileLength: Int

  subscript(section: IngotSection) -> Section { sections[section.rawValue] }

  /// The 4,096 bytes, with their hash.
  var encoded: [UInt8] {
    var bytes = IngotLayout.magic
    bytes.append(littleEndian: IngotLayout.version)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: UInt64(fileLength))
    for section in sections {
      bytes.append(littleEndian: UInt64(section.range.lowerBound))
      bytes.append(littleEndian: UInt64(section.range.count))
      bytes.append(littleEndian: section.hash)
    }
    bytes += fingerprint.canonical
    let hash = Self.hash(bytes)
    bytes.append(littleEndian: hash)
    bytes += [UInt8](repeating: 0, count: IngotLayout.headerBytes - bytes.count)
    return bytes
  }

  /// The hash of a header: over all its bytes, with the field of the hash itself zero.
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    var bytes = bytes
    bytes += [UInt8](repeating: 0, count: IngotLayout.headerBytes - bytes.count)
    for index in 0..<8 { bytes[IngotLayout.headerHashOffset + index] = 0 }
    return unsafe XXHash3.hash64(bytes.span.bytes)
  }

  init(sections: [Section], fingerprint: Digest128, fileLength: Int) {
    self.sections = sections
    self.fingerprint = fingerprint
    self.fileLength = fileLength
  }

  /// Reads and checks the header, and that the sections lie in the file in their order.
  init(storage: ByteStorage, path: String) throws(IngotError) {
    func fail(_ problem: IngotError.Problem) -> IngotError {
      IngotError(path: path, problem: problem)
    }
    guard storage.count >= IngotLayout.headerBytes else {
      let start = storage.array(in: 0..<min(storage.count, 8))
      throw fail(
        start == Array(IngotLayout.magic.prefix(start.count))
          ? .tooShort(count: storage.count) : .magic)
    }
    let bytes = storage.array(in: 0..<IngotLayout.headerBytes)
    guard bytes.starts(with: IngotLayout.magic) else { throw fail(.magic) }
    var fields = FieldReader(bytes[IngotLayout.magic.count...])
    let version: UInt32 = fields.next()
    guard version == IngotLayout.version else { throw fail(.version(version)) }
    var hashField = FieldReader(bytes[IngotLayout.headerHashOffset...])
    let (expected, found) = (hashField.next(UInt64.self), Self.hash(bytes))
    guard expected == found else { throw fail(.headerHash(expected: expected, found: found)) }

    let flags: UInt32 = fields.next()
    guard flags == 0 else { throw fail(.reserved(offset: 12 + flags.trailingZeroBitCount / 8)) }
    if let offset = bytes[IngotLayout.headerFields...].firstIndex(where: { $0 != 0 }) {
      throw fail(.reserved(offset: offset))
    }
    let length: UInt64 = fields.next()
    guard length == UInt64(storage.count) else {
      throw fail(.fileLength(expected: length, found: storage.count))
    }
    fileLength = storage.count
    sections = []
    var end = IngotLayout.headerBytes
    for section in IngotSection.allCases {
      let (offset, count): (UInt64, UInt64) = (fields.next(), fields.next())
      let hash: UInt64 = fields.next()
      func misplaced(_ problem: String) -> IngotError {
        fail(.section(section, offset: offset, length: count, problem: problem))
      }
      let (upper, overflow) = offset.addingReportingOverflow(count)
      guard !overflow, upper <= length else {
        throw misplaced("reaches past the end of the file, at \(length)")
      }
      guard offset >= UInt64(end) else {
        throw misplaced("starts before byte \(end), which is taken")
      }
      guard offset % UInt64(IngotLayout.alignment) == 0 else {
        throw misplaced("does not start on a multiple of \(IngotLayout.alignment)")
      }
      end = Int(upper)
      sections.append(Section(range: Int(offset)..<end, hash: hash))
    }
    guard end == fileLength else {
      throw fail(.fileLength(expected: UInt64(end), found: fileLength))
    }
    fingerprint = fields.nextDigest()
  }
}
