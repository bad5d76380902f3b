internal import TensorCore

/// The fixed numbers of an ingot, version 1. `Docs/ingot.md` specifies them.
enum IngotLayout {
  /// `\x89INGOT\n\x1a`: no text, and broken by a transfer that rewrites line ends.
  static let magic: [UInt8] = [0x89, 0x49, 0x4E, 0x47, 0x4F, 0x54, 0x0A, 0x1A]
  static let version: UInt32 = 1
  /// The bytes reserved for the header; tensor data starts behind them.
  static let headerBytes = 4096
  /// The bytes of the header that have a meaning; the rest is zero.
  static let headerFields = 144
  /// Where the header's own hash lies.
  static let headerHashOffset = 136
  /// The bytes of one index record.
  static let recordBytes = 160
  /// The most dimensions that a record holds.
  static let rankLimit = 8
  /// The record flag that says that statistics are there.
  static let hasStatistics: UInt8 = 1
  /// The boundary of sections, of attachments and of small tensors.
  static let alignment = 64
  /// Tensors of this size and more lie on `largeAlignment`.
  static let largeBytes = 1 << 16
  static let largeAlignment = 4096

  /// The boundary on which a tensor of so many bytes lies.
  static func alignment(ofTensor bytes: Int) -> Int {
    bytes >= largeBytes ? largeAlignment : alignment
  }

  /// The first multiple of a power of two from `offset` on.
  static func align(_ offset: Int, to alignment: Int = alignment) -> Int {
    (offset + alignment - 1) & ~(alignment - 1)
  }
}

/// The parts of an ingot behind its tensor data, in their order in the file.
public enum IngotSection: Int, Sendable, Hashable, CaseIterable {
  case index, names, metadata, attachments
}

extension [UInt8] {
  /// Appends a number in little-endian order.
  mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
    for byte in 0..<Number.bitWidth / 8 {
      append(UInt8(truncatingIfNeeded: number >> Number(8 * byte)))
    }
  }
}

/// Reads the fields of a run of bytes one after another.
struct FieldReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// The next little-endian number. Traps past the end: the caller hands over whole records.
  mutating func next<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
    var number: Number = 0
    for byte in 0..<Number.bitWidth / 8 {
      number |= Number(truncatingIfNeeded: bytes[position + byte]) << Number(8 * byte)
    }
    position += Number.bitWidth / 8
    return number
  }

  /// The next number as the bits of a double.
  mutating func nextDouble() -> Double { Double(bitPattern: next()) }

  /// The next canonical 128-bit digest.
  mutating func nextDigest() -> Digest128 {
    let high: UInt64 = next()
    let low: UInt64 = next()
    return Digest128(high: high.byteSwapped, low: low.byteSwapped)
  }
}
