extension ElementType {
  /// How many elements are NaN or infinite; 0 for types that are no floats. Of the block types that
  /// can be made, every value of a block whose scale is NaN or infinite counts.
  public func nonFiniteCount(in bytes: RawSpan) -> Int {
    switch self {
    case .float16: count(bytes, exponent: 0x7C00 as Int16)
    case .bfloat16: count(bytes, exponent: 0x7F80 as Int16)
    case .float32: count(bytes, exponent: 0x7F80_0000 as Int32)
    case .float64: count(bytes, exponent: 0x7FF0_0000_0000_0000 as Int64)
    case .q40, .q50, .q80: blocks(bytes, scales: 1) * blockElements
    case .q41, .q51: blocks(bytes, scales: 2) * blockElements
    default: isDecodable ? decodedCount(bytes) : 0
    }
  }

  /// The blocks that start with half floats of which one has an exponent of all ones.
  private func blocks(_ bytes: RawSpan, scales: Int) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      var count = 0
      for start in stride(from: 0, to: bytes.count - blockBytes + 1, by: blockBytes) {
        var isFinite = true
        for scale in 0..<scales {
          let bits = unsafe bytes.loadUnaligned(
            fromByteOffset: start + 2 * scale, as: UInt16.self)
          isFinite = isFinite && bits & 0x7C00 != 0x7C00
        }
        count += isFinite ? 0 : 1
      }
      return count
    }
  }

  private func decodedCount(_ bytes: RawSpan) -> Int {
    let floats = ElementConversion.convert(bytes, from: self, to: .float32)
    return unsafe ElementType.float32.nonFiniteCount(in: floats.span.bytes)
  }

  /// The elements whose exponent is all ones. Nearly always there are none: the lowest bit of an
  /// exponent added to each carries into the sign of those alone, which takes three instructions for
  /// many elements.
  @inline(__always)
  private func count<Bits: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
    _ bytes: RawSpan, exponent: Bits
  ) -> Int {
    let width = MemoryLayout<Bits>.size
    return unsafe bytes.withUnsafeBytes { bytes in
      let step = exponent & ~(exponent &- 1)
      var carries: Bits = 0
      for index in 0..<bytes.count / width {
        let bits = unsafe bytes.loadUnaligned(fromByteOffset: index * width, as: Bits.self)
        carries |= (bits & .max) &+ step
      }
      guard carries < 0 else { return 0 }
      var count = 0
      for index in 0..<bytes.count / width {
        let bits = unsafe bytes.loadUnaligned(fromByteOffset: index * width, as: Bits.self)
        count &+= bits & exponent == exponent ? 1 : 0
      }
      return count
    }
  }
}
