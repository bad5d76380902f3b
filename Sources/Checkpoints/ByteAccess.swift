package import TensorCore

extension RawSpan {
  /// The little-endian number at `offset`, or `nil` when it would reach outside.
  package func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, at offset: Int
  ) -> Number? {
    guard offset >= 0, byteCount - offset >= MemoryLayout<Number>.size else { return nil }
    return Number(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type))
  }

  /// A copy of the bytes.
  package var array: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

extension ByteStorage {
  /// Maps a whole file.
  package static func mapping(path: String) throws(FileError) -> ByteStorage {
    try ByteStorage(file: path)
  }
}
