internal import TensorCore

/// One member of a zip archive: where its bytes lie, as directory and local header agree.
struct ZipMember: Sendable, Hashable {
  let name: String
  let isDeflated: Bool
  let checksum: UInt32
  /// The length of the contents.
  let size: Int
  /// Where the local header starts.
  let headerOffset: Int
  /// Where the stored or deflated bytes lie.
  let range: Range<Int>
}

/// The checked directory of a zip archive (PKWARE's APPNOTE 6.3, with its ZIP64 extension).
struct ZipArchive: Sendable {
  /// The members in the directory's order.
  private(set) var members: [ZipMember] = []
  private var places: [ExactName: Int] = [:]

  /// The member with a name.
  func member(named name: String) -> ZipMember? { places[ExactName(name)].map { members[$0] } }

  /// Whether a file starts as zip archives do.
  static func recognises(_ bytes: ByteStorage) -> Bool {
    bytes.load(UInt32.self, at: 0) == Signature.localHeader
      || bytes.load(UInt32.self, at: 0) == Signature.end
  }

  /// The name in the first local header, which nothing has checked.
  static func firstName(_ bytes: ByteStorage) -> String? {
    guard let length = bytes.load(UInt16.self, at: 26), 30 + Int(length) <= bytes.count else {
      return nil
    }
    return name(bytes.array(in: 30..<30 + Int(length)))
  }

  /// Reads and checks the directory and every local header.
  init(_ bytes: ByteStorage) throws(ZipProblem) {
    let end = try ZipEnd(bytes)
    members.reserveCapacity(min(end.memberCount, bytes.count / 46))
    var offset = end.directory.lowerBound
    while offset < end.directory.upperBound {
      let member = try Self.member(bytes, at: &offset, limit: end.directory)
      guard places.updateValue(members.count, forKey: ExactName(member.name)) == nil else {
        throw .duplicate(member: member.name)
      }
      members.append(member)
    }
    guard offset == end.directory.upperBound else {
      throw .directoryExtent(end: offset, expected: end.directory.upperBound)
    }
    guard members.count == end.memberCount else {
      throw .memberCount(expected: end.memberCount, found: members.count)
    }
    try checkExpansion(of: bytes.count)
    let sorted = members.sorted { $0.headerOffset < $1.headerOffset }
    for (first, second) in zip(sorted, sorted.dropFirst())
    where second.headerOffset < first.range.upperBound {
      throw .overlap(first: first.name, second: second.name)
    }
  }

  /// What deflated members may inflate to however small the archive is, and how many times its
  /// size: weights do not deflate to a hundredth.
  private static let expansionFloor = 1 << 26
  private static let expansionFactor = 100

  private func checkExpansion(of stored: Int) throws(ZipProblem) {
    let (scaled, isBeyond) = stored.multipliedReportingOverflow(by: Self.expansionFactor)
    let limit = isBeyond ? Int.max : max(scaled, Self.expansionFloor)
    var claimed = 0
    for member in members where member.isDeflated {
      let (sum, overflow) = claimed.addingReportingOverflow(member.size)
      claimed = overflow ? Int.max : sum
      guard claimed <= limit else {
        throw .expansion(member: member.name, claimed: claimed, limit: limit)
      }
    }
  }

  enum Signature {
    static let localHeader: UInt32 = 0x0403_4B50
    static let directory: UInt32 = 0x0201_4B50
    static let end: UInt32 = 0x0605_4B50
    static let end64: UInt32 = 0x0606_4B50
    static let locator64: UInt32 = 0x0706_4B50
  }

  /// Reads the directory entry at `offset`, moves past it, and holds it against the local header.
  private static func member(
    _ bytes: ByteStorage, at offset: inout Int, limit: Range<Int>
  ) throws(ZipProblem) -> ZipMember {
    let start = offset
    guard bytes.load(UInt32.self, at: start) == Signature.directory,
      let flags = bytes.load(UInt16.self, at: start + 8),
      let method = bytes.load(UInt16.self, at: start + 10),
      let checksum = bytes.load(UInt32.self, at: start + 16),
      let compressed = bytes.load(UInt32.self, at: start + 20),
      let uncompressed = bytes.load(UInt32.self, at: start + 24),
      let nameLength = bytes.load(UInt16.self, at: start + 28),
      let extraLength = bytes.load(UInt16.self, at: start + 30),
      let commentLength = bytes.load(UInt16.self, at: start + 32),
      let headerOffset = bytes.load(UInt32.self, at: start + 42)
    else { throw .record("directory entry", offset: start) }
    let nameEnd = start + 46 + Int(nameLength)
    let extraEnd = nameEnd + Int(extraLength)
    offset = extraEnd + Int(commentLength)
    guard offset <= limit.upperBound else { throw .record("directory entry", offset: start) }
    let name = Self.name(bytes.array(in: start + 46..<nameEnd))
    let wide = try widen(
      [uncompressed, compressed, headerOffset], extra: nameEnd..<extraEnd, bytes, member: name)
    let (size, stored, header) = (wide[0], wide[1], wide[2])

    guard flags & 1 == 0 else { throw .encrypted(member: name) }
    guard method == 0 || method == 8 else { throw .method(member: name, method: Int(method)) }
    // Deflate cannot do better than 1032 to 1 (zlib's technical notes), so the size is bounded by
    // bytes that exist.
    guard method == 0 ? stored == size : size / 1032 <= stored else {
      throw .implausibleSize(member: name, stored: stored, claimed: size)
    }
    let local = try LocalHeader(bytes, at: header, member: name)
    try local.check(
      name: name, flags: flags, method: method, checksum: checksum, sizes: [size, stored])
    let (dataEnd, overflow) = local.dataStart.addingReportingOverflow(stored)
    guard !overflow, dataEnd <= limit.lowerBound else {
      throw .outside(
        member: name, end: overflow ? Int.max : dataEnd, limit: limit.lowerBound)
    }
    return ZipMember(
      name: name, isDeflated: method == 8, checksum: checksum, size: size, headerOffset: header,
      range: local.dataStart..<dataEnd)
  }

  /// A name as its bytes spell it. Names without the UTF-8 flag are some code page; torch writes
  /// ASCII.
  static func name(_ raw: [UInt8]) -> String {
    String(validating: raw, as: UTF8.self)
      ?? String(String.UnicodeScalarView(raw.map { UnicodeScalar($0) }))
  }

  /// Replaces the 32-bit fields that are all ones by the 64-bit ones of the ZIP64 extra field.
  static func widen(
    _ fields: [UInt32], extra: Range<Int>, _ bytes: ByteStorage, member: String
  ) throws(ZipProblem) -> [Int] {
    guard fields.contains(.max) else { return fields.map { Int($0) } }
    var offset = extra.lowerBound
    while let tag = bytes.load(UInt16.self, at: offset),
      let length = bytes.load(UInt16.self, at: offset + 2), offset + 4 <= extra.upperBound
    {
      let end = offset + 4 + Int(length)
      guard end <= extra.upperBound else { break }
      guard tag == 1 else {
        offset = end
        continue
      }
      var place = offset + 4
      var wide: [Int] = []
      for field in fields {
        guard field == .max else {
          wide.append(Int(field))
          continue
        }
        guard place + 8 <= end, let value = bytes.load(UInt64.self, at: place),
          let number = Int(exactly: value)
        else { throw .size(member: member) }
        wide.append(number)
        place += 8
      }
      return wide
    }
    throw .size(member: member)
  }
}

/// The header in front of a member's bytes.
private struct LocalHeader {
  let name: String
  let flags: UInt16
  let method: UInt16
  let checksum: UInt32
  /// Uncompressed and compressed size, as written: zero when they follow the data.
  let sizes: [Int]
  let dataStart: Int

  init(_ bytes: ByteStorage, at start: Int, member: String) throws(ZipProblem) {
    guard start <= bytes.count - 30,
      bytes.load(UInt32.self, at: start) == ZipArchive.Signature.localHeader,
      let flags = bytes.load(UInt16.self, at: start + 6),
      let method = bytes.load(UInt16.self, at: start + 8),
      let checksum = bytes.load(UInt32.self, at: start + 14),
      let compressed = bytes.load(UInt32.self, at: start + 18),
      let uncompressed = bytes.load(UInt32.self, at: start + 22),
      let nameLength = bytes.load(UInt16.self, at: start + 26),
      let extraLength = bytes.load(UInt16.self, at: start + 28)
    else { throw .record("header of member '\(member)'", offset: start) }
    let nameEnd = start + 30 + Int(nameLength)
    dataStart = nameEnd + Int(extraLength)
    guard dataStart <= bytes.count else {
      throw .record("header of member '\(member)'", offset: start)
    }
    name = ZipArchive.name(bytes.array(in: start + 30..<nameEnd))
    self.flags = flags
    self.method = method
    self.checksum = checksum
    sizes = try ZipArchive.widen(
      [uncompressed, compressed], extra: nameEnd..<dataStart, bytes, member: member)
  }

  /// Throws when the directory says something else. With flag bit 3 the checksum and the sizes may
  /// stand behind the data instead, and are zero here; PyTorch's writer does that.
  func check(
    name: String, flags: UInt16, method: UInt16, checksum: UInt32, sizes: [Int]
  ) throws(ZipProblem) {
    func agree<Field: Equatable>(
      _ field: String, _ directory: Field, _ local: Field
    ) throws(ZipProblem) {
      guard directory == local else {
        throw .disagreement(
          member: name, field: field, directory: "\(directory)", local: "\(local)")
      }
    }
    try agree("name", name, self.name)
    try agree("flags", flags, self.flags)
    try agree("compression method", method, self.method)
    let mayFollow = flags & 8 != 0
    if !(mayFollow && self.checksum == 0) { try agree("checksum", checksum, self.checksum) }
    if !(mayFollow && self.sizes == [0, 0]) {
      try agree("size", sizes[0], self.sizes[0])
      try agree("compressed size", sizes[1], self.sizes[1])
    }
  }
}
