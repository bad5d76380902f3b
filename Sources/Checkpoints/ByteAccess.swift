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
  /// The bytes of a file that cannot be a checkpoint without any.
  ///
  /// - Throws: `FileError` when the file cannot be opened or is empty.
  package static func opening(
    _ path: String, isMapped: Bool = true
  ) throws(FileError) -> ByteStorage {
    let storage = try ByteStorage(file: path, isMapped: isMapped)
    guard storage.count > 0 else { throw FileError(.empty, path: path) }
    return storage
  }
}
