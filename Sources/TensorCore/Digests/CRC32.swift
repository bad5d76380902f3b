internal import CKernels

/// The CRC-32 of zip and gzip (ISO-HDLC, reflected polynomial 0xEDB88320) of bytes that come in
/// parts.
public struct CRC32: Sendable {
  private var register = UInt32.max
  private let usesKernel: Bool

  static let hasKernel = assay_cpu_has_clmul()

  /// Starts with no bytes.
  public init() { self.init(usesKernel: Self.hasKernel && Processor.instructionSet > .portable) }

  init(usesKernel: Bool) { self.usesKernel = usesKernel }

  /// The checksum of the bytes so far.
  public var checksum: UInt32 { ~register }

  /// Appends bytes.
  public mutating func update(_ bytes: RawSpan) {
    var rest = bytes
    if usesKernel, bytes.byteCount >= 64 {
      let count = bytes.byteCount / 16 * 16
      register = unsafe bytes.withUnsafeBytes {
        unsafe assay_crc32_fold(register, $0.baseAddress, count)
      }
      rest = bytes.extracting(droppingFirst: count)
    }
    updatePortably(rest)
  }

  /// The checksum of a range of bytes, which are read piece by piece.
  public static func checksum(of storage: ByteStorage, in range: Range<Int>) -> UInt32 {
    var crc = CRC32()
    storage.forEachChunk(in: range) { crc.update($0) }
    return crc.checksum
  }

  /// Eight bytes at a time through eight tables (Kounavis and Berry 2005).
  private mutating func updatePortably(_ bytes: RawSpan) {
    var crc = register
    var offset = 0
    while bytes.byteCount - offset >= 8 {
      let word = UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
      var mixed = word ^ UInt64(crc)
      crc = 0
      for table in stride(from: 7, through: 0, by: -1) {
        crc ^= Self.tables[table << 8 | Int(mixed & 0xFF)]
        mixed >>= 8
      }
      offset += 8
    }
    while offset < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      crc = crc >> 8 ^ Self.tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
      offset += 1
    }
    register = crc
  }

  /// Table k holds the remainders of a byte with k zero bytes behind it.
  private static let tables: [UInt32] = {
    var tables = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320) }
    }
    for index in 256..<2048 {
      let previous = tables[index - 256]
      tables.append(previous >> 8 ^ tables[Int(previous & 0xFF)])
    }
    return tables
  }()
}
