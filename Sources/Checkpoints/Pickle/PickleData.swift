internal import TensorCore

/// A long run of bytes in a pickle, left where it is: an array's numbers.
struct PickleData: Sendable {
  /// Where the bytes are.
  enum Place: Sendable, Hashable {
    case memory([UInt8])
    /// In what holds the pickle.
    case source(Range<Int>)
    /// In what holds the pickle, as text whose characters are the bytes: protocols 0 to 2 write
    /// bytes in this way, two bytes for each above 0x7F.
    case latin1(Range<Int>)
  }

  let place: Place
  /// The number of bytes, decoded.
  let count: Int
  /// Whether it is text still, which nothing has made bytes of.
  var isText = false

  /// Shorter runs are copied into their values.
  static let threshold = 4096

  /// The number of bytes that UTF-8 text stands for when its characters are bytes; `nil` when some
  /// are not, or it is no UTF-8.
  static func latin1Count(_ storage: ByteStorage, in range: Range<Int>) -> Int? {
    var count = 0
    var isSound = true
    // Of the last character of a piece, the second byte may lie in the next piece.
    var isOpen = false
    storage.forEachChunk(in: range) { bytes in
      unsafe bytes.withUnsafeBytes { bytes in
        for index in bytes.indices {
          let byte = unsafe bytes[index]
          if isOpen {
            if byte & 0xC0 != 0x80 { isSound = false }
            isOpen = false
          } else if byte < 0x80 {
            count += 1
          } else if byte == 0xC2 || byte == 0xC3 {
            count += 1
            isOpen = true
          } else {
            isSound = false
          }
        }
      }
    }
    return isSound && !isOpen ? count : nil
  }

  /// The bytes, with the storage that they lie in.
  func bytes(in source: ByteStorage) -> (ByteStorage, Range<Int>) {
    switch place {
    case .memory(let bytes):
      return unsafe (ByteStorage(copying: bytes.span.bytes), 0..<bytes.count)
    case .source(let range): return (source, range)
    case .latin1(let range):
      let decoded = ByteStorage(count: count) { target in
        unsafe target.withUnsafeMutableBytes { target in
          var place = 0
          var lead: UInt8 = 0
          source.forEachChunk(in: range) { bytes in
            unsafe bytes.withUnsafeBytes { bytes in
              for index in bytes.indices {
                let byte = unsafe bytes[index]
                if byte >= 0xC0 {
                  lead = byte
                } else {
                  // 0xC2 stands for 0x80…0xBF, 0xC3 for 0xC0…0xFF.
                  unsafe target[place] = lead == 0xC3 ? byte | 0x40 : byte
                  place += 1
                  lead = 0
                }
              }
            }
          }
        }
      }
      return (decoded, 0..<count)
    }
  }
}

extension PickleData {
  /// The text that it is still, which nothing has made bytes of; `nil` for bytes, and for text beyond
  /// the longest that is kept.
  func text(in source: ByteStorage) -> String? {
    guard isText, case .latin1(let range) = place, range.count <= Self.textLimit else { return nil }
    return String(decoding: source.array(in: range), as: UTF8.self)
  }

  /// The longest text that is kept, in bytes.
  private static let textLimit = 16 << 20
}

extension Unpickler {
  /// The bytes behind their own count: copied when they are few, and otherwise left in place.
  mutating func countedBytes(_ width: Int) throws(PickleProblem) -> PickleValue {
    guard let count = Int(exactly: try number(width)) else { throw .truncated }
    guard count > PickleData.threshold else { return .bytes(Array(try take(count))) }
    let range = try leave(count)
    return newData(PickleData(place: .source(range), count: count))
  }

  /// The text behind its own count. Long text that protocols 0 to 2 write in place of bytes is left
  /// where it is.
  mutating func countedText(_ width: Int) throws(PickleProblem) -> PickleValue {
    guard let count = Int(exactly: try number(width)) else { throw .truncated }
    if count > PickleData.threshold, count <= bytes.count - position {
      let range = bytes.range.lowerBound + position..<bytes.range.lowerBound + position + count
      if let decoded = PickleData.latin1Count(bytes.storage, in: range) {
        _ = try leave(count)
        return newData(PickleData(place: .latin1(range), count: decoded, isText: true))
      }
    }
    return .string(try text(try take(count)))
  }

  /// Moves past a run and says where it lies in what holds the pickle.
  private mutating func leave(_ count: Int) throws(PickleProblem) -> Range<Int> {
    let start = bytes.range.lowerBound + position
    try skip(count)
    skippedBytes += count
    return start..<start + count
  }

  mutating func newData(_ data: PickleData) -> PickleValue {
    heap.weight += 2 * MemoryLayout<PickleData>.stride
    heap.data.append(data)
    return .data(heap.data.count - 1)
  }

  /// The data that a value of bytes stands for, of any length.
  mutating func data(of value: PickleValue) -> Int? {
    switch value {
    case .data(let index):
      return heap.data[index].isText ? nil : index
    case .bytes(let bytes):
      heap.weight += 2 * MemoryLayout<PickleData>.stride
      heap.data.append(PickleData(place: .memory(bytes), count: bytes.count))
      return heap.data.count - 1
    default: return nil
    }
  }
}
