internal import TensorCore

/// The members of a tar archive by their names: POSIX ustar with PAX records, and GNU's forms of
/// long names and sizes.
struct TarArchive {
  private(set) var members: [(name: String, range: Range<Int>)] = []

  /// Why an archive cannot be read.
  struct Problem: Error {
    let text: String
    let offset: Int
  }

  private static let block = 512
  private static let memberLimit = 1 << 16

  /// Whether a file starts with a tar header: by its checksum.
  static func recognises(_ bytes: ByteStorage) -> Bool {
    guard bytes.count >= block else { return false }
    let header = bytes.array(in: 0..<block)
    return header[0] != 0 && TarHeader.isSound(header)
  }

  /// The range of a member.
  func range(of name: String) -> Range<Int>? { members.first { $0.name == name }?.range }

  init(_ bytes: ByteStorage) throws(Problem) {
    var offset = 0
    var longName: String?
    var longSize: Int?
    while offset < bytes.count {
      guard bytes.count - offset >= Self.block else {
        throw Problem(text: "the tar archive ends in the middle of a header", offset: offset)
      }
      let header = bytes.array(in: offset..<offset + Self.block)
      if header.allSatisfy({ $0 == 0 }) {
        try Self.checkEnd(bytes, from: offset)
        return
      }
      guard TarHeader.isSound(header) else {
        throw Problem(text: "a tar header has a wrong checksum: damaged?", offset: offset)
      }
      let start = offset + Self.block
      guard let size = longSize ?? TarHeader.number(header[124..<136]), size >= 0,
        size <= bytes.count - start
      else {
        throw Problem(text: "a tar member reaches past the end: truncated?", offset: offset)
      }
      let range = start..<start + size
      let next = range.upperBound + (Self.block - size % Self.block) % Self.block
      switch header[156] {
      case UInt8(ascii: "L"): longName = try Self.text(bytes, range, at: offset)
      case UInt8(ascii: "x"):
        let records = try Self.records(bytes, range, at: offset)
        longName = records["path"] ?? longName
        if let size = records["size"] {
          guard let size = Int(size) else {
            throw Problem(text: "a tar record has the size '\(size)'", offset: offset)
          }
          longSize = size
        }
      case UInt8(ascii: "g"), UInt8(ascii: "K"): break
      case let type:
        let name = longName ?? TarHeader.name(header)
        (longName, longSize) = (nil, nil)
        try add(name, type: type, range: range, at: offset)
      }
      offset = next
    }
  }

  private mutating func add(
    _ name: String, type: UInt8, range: Range<Int>, at offset: Int
  ) throws(Problem) {
    switch type {
    case 0, UInt8(ascii: "0"): break
    case UInt8(ascii: "5"): return
    default:
      throw Problem(
        text: "tar member '\(name)' is of kind \(type), expected a regular file", offset: offset)
    }
    let plain = name.hasPrefix("./") ? String(name.dropFirst(2)) : name
    guard !members.contains(where: { $0.name == plain }) else {
      throw Problem(text: "two tar members are named '\(plain)'", offset: offset)
    }
    guard members.count < Self.memberLimit else {
      throw Problem(text: "more than \(Self.memberLimit) tar members", offset: offset)
    }
    members.append((plain, range))
  }

  /// Behind the end mark there is nothing but padding.
  private static func checkEnd(_ bytes: ByteStorage, from offset: Int) throws(Problem) {
    var isEmpty = true
    bytes.forEachChunk(in: offset..<bytes.count) { run in
      if isEmpty { isEmpty = run.array.allSatisfy { $0 == 0 } }
    }
    guard isEmpty else { throw Problem(text: "bytes behind the end of the tar", offset: offset) }
  }

  private static func text(
    _ bytes: ByteStorage, _ range: Range<Int>, at offset: Int
  ) throws(Problem) -> String {
    guard range.count <= 1 << 16,
      let text = String(
        validating: bytes.array(in: range).prefix { $0 != 0 }, as: UTF8.self)
    else { throw Problem(text: "a tar name that is no short text", offset: offset) }
    return text
  }

  /// PAX records: `length key=value\n`, the length counting the whole record.
  private static func records(
    _ bytes: ByteStorage, _ range: Range<Int>, at offset: Int
  ) throws(Problem) -> [String: String] {
    let problem = Problem(text: "a tar record is not 'length key=value'", offset: offset)
    guard range.count <= 1 << 16 else { throw problem }
    var rest = bytes.array(in: range)[...]
    var records: [String: String] = [:]
    while !rest.isEmpty {
      guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
        let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
        length > space - rest.startIndex + 1, length <= rest.count
      else { throw problem }
      let record = rest[(space + 1)..<(rest.startIndex + length)]
      guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "="))
      else { throw problem }
      records[String(decoding: record[..<equals], as: UTF8.self)] = String(
        decoding: record[(equals + 1)...].dropLast(), as: UTF8.self)
      rest = rest.dropFirst(length)
    }
    return records
  }
}

/// The fields of one header.
private enum TarHeader {
  /// Whether the checksum is right: the sum of all bytes, with blanks in its own place.
  static func isSound(_ header: [UInt8]) -> Bool {
    guard let stated = number(header[148..<156]) else { return false }
    let rest = header[..<148] + header[156...]
    let sum = rest.reduce(8 * 32) { $0 + Int($1) }
    // Some old programs took bytes for signed.
    let signed = rest.reduce(8 * 32) { $0 + Int(Int8(bitPattern: $1)) }
    return stated == sum || stated == signed
  }

  /// A number in octal digits, or in GNU's binary form behind a set high bit.
  static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if field.first == 0x80 {
      guard field.dropLast(8).dropFirst().allSatisfy({ $0 == 0 }) else { return nil }
      return Int(exactly: field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    let text = String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    let digits = text.filter { $0 != " " }
    return digits.isEmpty ? nil : Int(digits, radix: 8)
  }

  static func name(_ header: [UInt8]) -> String {
    func text(_ field: ArraySlice<UInt8>) -> String {
      String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }
    let isPOSIX = header[257..<263].elementsEqual(Array("ustar\0".utf8))
    let prefix = isPOSIX ? text(header[345..<500]) : ""
    return (prefix.isEmpty ? "" : prefix + "/") + text(header[..<100])
  }
}
