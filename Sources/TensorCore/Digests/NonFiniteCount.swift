extension ElementType {
  /// How many elements of a plain float type are NaN or infinite; 0 for every other type.
  public func nonFiniteCount(in bytes: RawSpan) -> Int {
    switch self {
    case .float16: count(bytes, exponent: 0x7C00 as UInt16)
    case .bfloat16: count(bytes, exponent: 0x7F80 as UInt16)
    case .float32: count(bytes, exponent: 0x7F80_0000 as UInt32)
    case .float64: count(bytes, exponent: 0x7FF0_0000_0000_0000 as UInt64)
    default: 0
    }
  }

  /// The elements whose exponent is all ones.
  @inline(__always)
  private func count<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, exponent: Bits
  ) -> Int {
    let width = MemoryLayout<Bits>.size
    return unsafe bytes.withUnsafeBytes { bytes in
      var count = 0
      for index in 0..<bytes.count / width {
        let bits = unsafe bytes.loadUnaligned(fromByteOffset: index * width, as: Bits.self)
        count &+= bits & exponent == exponent ? 1 : 0
      }
      return count
    }
  }
}
