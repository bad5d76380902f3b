internal import TensorCore

/// Writes an archive of stored members whose contents start on multiples of 64 bytes, as torch's
/// own writer does, so that a reader can use them in place.
struct ZipWriter: ~Copyable {
  private struct Member {
    let name: [UInt8]
    var checksum: UInt32 = 0
    let size: Int
    let headerOffset: Int
  }

  private var file: OutputFile
  private var members: [Member] = []
  /// Of the member that is being written.
  private var checksum = CRC32()
  /// Numbers from here on need the ZIP64 fields. Less than the format's own limit in tests only.
  private let wideLimit: Int

  /// The path that the finished file will have.
  var path: String { file.path }

  init(path: String, wideLimit: Int = 0xFFFF_FFFF) throws(FileError) {
    file = try OutputFile(replacing: path)
    self.wideLimit = wideLimit
  }

  /// Announces the tensors whose bytes will be members, before the first member.
  mutating func reserve(_ tensors: [TensorDescription]) {
    file.reserve(byteCount: tensors.byteCount)
  }

  /// Adds a member that is in memory.
  mutating func add(_ name: String, _ contents: RawSpan) throws(FileError) {
    try begin(name, size: contents.byteCount)
    try append(contents)
    try end()
  }

  /// Adds a member with a tensor's bytes, a piece at a time, behind a short start of their own.
  mutating func add(
    _ name: String, _ tensor: TensorView, behind start: [UInt8] = []
  ) throws(FileError) {
    try begin(name, size: start.count + tensor.byteRange.count)
    try unsafe append(start.span.bytes)
    try tensor.forEachChunk { bytes throws(FileError) in try append(bytes) }
    try end()
  }

  private mutating func append(_ bytes: RawSpan) throws(FileError) {
    checksum.update(bytes)
    try file.write(bytes)
  }

  /// Puts the checksum, which is known only now, into the header.
  private mutating func end() throws(FileError) {
    let place = members.count - 1
    members[place].checksum = checksum.checksum
    var field = Bytes()
    field.append32(Int(checksum.checksum))
    try unsafe file.overwrite(field.bytes.span.bytes, at: members[place].headerOffset + 14)
  }

  private mutating func begin(_ name: String, size: Int) throws(FileError) {
    let member = Member(name: Array(name.utf8), size: size, headerOffset: file.position)
    members.append(member)
    checksum = CRC32()
    var extra = Bytes()
    if isWide(member.size) {
      extra.append16(1, 16)
      extra.append64(member.size, member.size)
    }
    // The padding is an extra field of its own ("FB", as torch calls it), at least its 4 bytes long.
    let unpadded = file.position + 30 + member.name.count + extra.bytes.count + 4
    let padding = (64 - unpadded % 64) % 64
    extra.append16(0x4246, padding)
    extra.bytes += [UInt8](repeating: 0, count: padding)

    var header = Bytes()
    header.append32(Int(ZipArchive.Signature.localHeader))
    header.append16(45, Self.flags, 0, 0, Self.date)
    header.append32(Int(member.checksum), narrow(member.size), narrow(member.size))
    header.append16(member.name.count, extra.bytes.count)
    header.bytes += member.name + extra.bytes
    try unsafe file.write(header.bytes.span.bytes)
  }

  /// Names are UTF-8.
  private static let flags = 0x800
  /// 1 January 1980, so that equal input gives equal files.
  private static let date = 0x21

  private func isWide(_ number: Int) -> Bool { number >= wideLimit }
  private func narrow(_ number: Int) -> Int { isWide(number) ? 0xFFFF_FFFF : number }

  /// Writes the directory and moves the file into place.
  consuming func finish() throws(FileError) {
    let start = file.position
    var directory = Bytes()
    for member in members {
      var extra: [Int] = isWide(member.size) ? [member.size, member.size] : []
      if isWide(member.headerOffset) { extra.append(member.headerOffset) }
      directory.append32(Int(ZipArchive.Signature.directory))
      directory.append16(45, 45, Self.flags, 0, 0, Self.date)
      directory.append32(Int(member.checksum), narrow(member.size), narrow(member.size))
      directory.append16(member.name.count, extra.isEmpty ? 0 : 4 + 8 * extra.count, 0, 0, 0)
      directory.append32(0, narrow(member.headerOffset))
      directory.bytes += member.name
      if !extra.isEmpty {
        directory.append16(1, 8 * extra.count)
        for number in extra { directory.append64(number) }
      }
    }
    let size = directory.bytes.count
    if isWide(start) || isWide(size) || members.count >= 0xFFFF {
      directory.append32(Int(ZipArchive.Signature.end64))
      directory.append64(44)
      directory.append16(45, 45)
      directory.append32(0, 0)
      directory.append64(members.count, members.count, size, start)
      directory.append32(Int(ZipArchive.Signature.locator64), 0)
      directory.append64(start + size)
      directory.append32(1)
    }
    let count = min(members.count, 0xFFFF)
    directory.append32(Int(ZipArchive.Signature.end))
    directory.append16(0, 0, count, count)
    directory.append32(narrow(size), narrow(start))
    directory.append16(0)
    try unsafe file.write(directory.bytes.span.bytes)
    try file.commit()
  }

  /// Little-endian numbers in a row.
  private struct Bytes {
    var bytes: [UInt8] = []

    mutating func append16(_ numbers: Int...) { append(numbers, width: 2) }
    mutating func append32(_ numbers: Int...) { append(numbers, width: 4) }
    mutating func append64(_ numbers: Int...) { append(numbers, width: 8) }

    private mutating func append(_ numbers: [Int], width: Int) {
      for number in numbers {
        for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
      }
    }
  }
}
