internal import TensorCore

/// A run of bytes to look into: a file, a member of an archive, or what one inflates to.
struct ScanRegion {
  let storage: ByteStorage
  let range: Range<Int>

  init(_ storage: ByteStorage, _ range: Range<Int>) {
    self.storage = storage
    self.range = range
  }

  init(_ storage: ByteStorage) { self.init(storage, 0..<storage.count) }

  /// Bytes that are nowhere in a file.
  init(_ bytes: [UInt8]) { self.init(unsafe ByteStorage(copying: bytes.span.bytes)) }

  var count: Int { range.count }

  /// A part, cut to what is there.
  func part(_ part: Range<Int>) -> ScanRegion {
    let start = min(max(part.lowerBound, 0), count)
    let end = min(max(part.upperBound, start), count)
    return ScanRegion(storage, range.lowerBound + start..<range.lowerBound + end)
  }

  /// Everything from an offset on; nothing when that lies outside.
  func from(_ start: Int) -> ScanRegion {
    part(min(max(start, 0), count)..<count)
  }

  /// A little-endian number, or `nil` when it would reach outside.
  func load<Number: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ type: Number.Type, at offset: Int
  ) -> Number? {
    guard offset >= 0, count - offset >= MemoryLayout<Number>.size else { return nil }
    return storage.load(type, at: range.lowerBound + offset)
  }

  /// A copy of up to `limit` bytes from `start` on.
  func array(from start: Int, limit: Int) -> [UInt8] {
    let part = part(start..<start.addingReportingOverflow(limit).partialValue)
    return storage.array(in: part.range)
  }

  /// Whether the bytes at `offset` are those of a text.
  func holds(_ text: String, at offset: Int) -> Bool {
    array(from: offset, limit: text.utf8.count) == Array(text.utf8)
  }

  /// How many bytes are looked at together: few enough to be read without a mapping.
  static let chunk = 1 << 20

  /// Calls `body` with the places of a byte in order, until it answers with where to go on.
  ///
  /// - Parameter body: gets the offset and answers with the least offset of interest from there.
  func forEach(_ byte: UInt8, from start: Int, _ body: (Int) -> Int) {
    var position = max(start, 0)
    // What is asked for is often near.
    var size = 1 << 10
    while position < count {
      let end = min(position + size, count)
      size = min(2 * size, Self.chunk)
      let places = storage.withBytes(in: range.lowerBound + position..<range.lowerBound + end) {
        $0.offsets(of: byte)
      }
      var next = position
      for place in places where position + place >= next {
        next = max(body(position + place), position + place + 1)
        if next >= end { break }
      }
      position = max(end, next)
    }
  }

  /// The place of a 32-bit signature from `start` on.
  func firstSignature(_ signature: UInt32, from start: Int, before end: Int) -> Int? {
    let limit = min(end, count)
    var position = max(start, 0)
    // What is asked for is often near.
    var size = 1 << 12
    while limit - position >= 4 {
      let chunk = position..<min(position + size, limit)
      let found = storage.withBytes(
        in: range.lowerBound + chunk.lowerBound..<range.lowerBound + chunk.upperBound
      ) { $0.firstOffset(of: signature) }
      if let found { return position + found }
      // The signature may lie across the end of the piece.
      position = chunk.upperBound - 3
      size = min(2 * size, Self.chunk)
    }
    return nil
  }

  /// The place of the next record of a zip archive: `PK` and two small numbers.
  func firstRecord(from start: Int) -> Int? {
    var result: Int?
    forEach(UInt8(ascii: "P"), from: start) { offset in
      guard let signature = load(UInt32.self, at: offset), signature & 0xFFFF == 0x4B50,
        signature >> 16 & 0xFF <= 8, signature >> 24 <= 8
      else { return offset + 1 }
      result = offset
      return count
    }
    return result
  }
}
