internal import TensorCore

/// Reads the directory of a GGUF file front to back, in the file's byte order, never past its end
/// or the limit on directories.
struct GGUFCursor {
  /// Whether numbers have their most significant byte first.
  var isBigEndian = false
  /// Where the next read starts, in bytes from the start of the file.
  private(set) var offset: Int
  let path: String

  private let storage: ByteStorage
  private var window: [UInt8] = []
  private var windowStart = 0
  private static let windowSize = 1 << 16

  init(_ storage: ByteStorage, at offset: Int, path: String) {
    self.storage = storage
    self.offset = offset
    self.path = path
  }

  /// The bytes that are left in the file.
  var available: Int { max(storage.count - offset, 0) }

  func fail(_ problem: GGUFError.Problem) -> GGUFError { GGUFError(path: path, problem: problem) }

  /// The next number. `what` names it in the error: `the version`.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _ type: Number.Type = Number.self, _ what: @autoclosure () -> String
  ) throws(GGUFError) -> Number {
    let size = MemoryLayout<Number>.size
    try check(UInt64(size), what)
    if offset + size > windowStart + window.count || offset < windowStart { fill() }
    var value: Number = 0
    for index in 0..<size {
      let byte = Number(window[offset - windowStart + index])
      value |= byte << Number((isBigEndian ? size - 1 - index : index) * 8)
    }
    offset += size
    return value
  }

  /// The next string: a length of 64 bits, then UTF-8.
  mutating func string(_ what: @autoclosure () -> String) throws(GGUFError) -> [UInt8] {
    let length = try number(UInt64.self, "the length of \(what())")
    try check(length, what)
    let bytes = storage.array(in: offset..<offset + Int(length))
    offset += Int(length)
    return bytes
  }

  /// The next string as text.
  mutating func text(_ what: @autoclosure () -> String) throws(GGUFError) -> String {
    let start = offset
    let bytes = try string(what())
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw fail(.encoding(of: what(), offset: start + 8))
    }
    return text
  }

  private func check(_ needed: UInt64, _ what: () -> String) throws(GGUFError) {
    guard needed <= UInt64(available) else {
      throw fail(
        .truncated(reading: what(), offset: offset, needed: needed, available: available))
    }
    guard offset + Int(needed) <= GGUFReader.directoryLimit else {
      throw fail(.directoryTooLarge(limit: GGUFReader.directoryLimit))
    }
  }

  private mutating func fill() {
    windowStart = offset
    window = storage.array(in: offset..<min(offset + Self.windowSize, storage.count))
  }
}
