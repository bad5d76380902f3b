internal import TensorCore

/// The end record of a zip archive, with its ZIP64 form where there is one.
struct ZipEnd {
  /// Where the directory lies.
  let directory: Range<Int>
  /// How many members it should list.
  let memberCount: Int

  init(_ bytes: ByteStorage) throws(ZipProblem) {
    let start = try Self.find(bytes)
    guard let disk = bytes.load(UInt16.self, at: start + 4),
      let directoryDisk = bytes.load(UInt16.self, at: start + 6),
      let countHere = bytes.load(UInt16.self, at: start + 8),
      let count = bytes.load(UInt16.self, at: start + 10),
      let size = bytes.load(UInt32.self, at: start + 12),
      let offset = bytes.load(UInt32.self, at: start + 16)
    else { throw .noEnd }
    let locator = start - 20
    if bytes.load(UInt32.self, at: locator) == ZipArchive.Signature.locator64 {
      let wide = try Self.wide(bytes, locator: locator)
      // A field that is not all ones must say the same as its wide twin.
      guard count == .max || Int(count) == wide.count, size == .max || Int(size) == wide.size,
        offset == .max || Int(offset) == wide.offset
      else { throw .record("ZIP64 end record that agrees with the end record", offset: wide.start) }
      directory = try Self.extent(wide.offset, wide.size, end: wide.start)
      memberCount = wide.count
      return
    }
    guard disk == 0, directoryDisk == 0, countHere == count else { throw .disks }
    directory = try Self.extent(Int(offset), Int(size), end: start)
    memberCount = Int(count)
  }

  /// The end record is the last 22 bytes, or stands in front of a comment of at most 64 KiB that
  /// fills the file.
  private static func find(_ bytes: ByteStorage) throws(ZipProblem) -> Int {
    var start = bytes.count - 22
    let lowest = max(0, start - 0xFFFF)
    while start >= lowest {
      if bytes.load(UInt32.self, at: start) == ZipArchive.Signature.end,
        let comment = bytes.load(UInt16.self, at: start + 20),
        start + 22 + Int(comment) == bytes.count
      {
        return start
      }
      start -= 1
    }
    throw .noEnd
  }

  private static func wide(
    _ bytes: ByteStorage, locator: Int
  ) throws(ZipProblem) -> (start: Int, count: Int, size: Int, offset: Int) {
    guard let place = bytes.load(UInt64.self, at: locator + 8),
      let start = Int(exactly: place), start <= locator - 56,
      bytes.load(UInt32.self, at: start) == ZipArchive.Signature.end64,
      let length = bytes.load(UInt64.self, at: start + 4),
      length == UInt64(locator - start - 12)
    else { throw .record("ZIP64 end record for the locator", offset: locator) }
    guard bytes.load(UInt32.self, at: start + 16) == 0,
      bytes.load(UInt32.self, at: start + 20) == 0,
      bytes.load(UInt64.self, at: start + 24) == bytes.load(UInt64.self, at: start + 32)
    else { throw .disks }
    guard let count = bytes.load(UInt64.self, at: start + 32).flatMap({ Int(exactly: $0) }),
      let size = bytes.load(UInt64.self, at: start + 40).flatMap({ Int(exactly: $0) }),
      let offset = bytes.load(UInt64.self, at: start + 48).flatMap({ Int(exactly: $0) })
    else { throw .record("plausible ZIP64 end record", offset: start) }
    return (start, count, size, offset)
  }

  private static func extent(
    _ offset: Int, _ size: Int, end: Int
  ) throws(ZipProblem) -> Range<Int> {
    let (directoryEnd, overflow) = offset.addingReportingOverflow(size)
    guard !overflow, directoryEnd == end else {
      throw .directoryExtent(end: overflow ? Int.max : directoryEnd, expected: end)
    }
    return offset..<directoryEnd
  }
}
