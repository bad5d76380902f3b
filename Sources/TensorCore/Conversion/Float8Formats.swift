/// The floats of one byte as the bits of float32: what `torch.Tensor.to` gives. Exact.
enum Float8Formats {
  /// The 256 values of a type, by byte; `nil` for a type that is no float of one byte.
  static func table(_ type: ElementType) -> [UInt32]? {
    switch type {
    case .float8E4M3FN: e4m3fn
    case .float8E5M2: e5m2
    case .float8E4M3FNUZ: e4m3fnuz
    case .float8E5M2FNUZ: e5m2fnuz
    case .float8E8M0FNU: e8m0fnu
    default: nil
    }
  }

  /// Four bits of exponent; the one NaN of each sign stands in infinity's place.
  private static let e4m3fn = (0..<256).map { byte in
    byte & 0x7F == 0x7F
      ? UInt32(byte >> 7) << 31 | 0x7FF0_0000 : value(byte, exponentBits: 4, bias: 7)
  }

  /// The upper half of a float16.
  private static let e5m2 = (0..<256).map { HalfFormats.widenFloat16(UInt16($0) << 8) }

  /// A bias one greater, no infinities, and the one NaN in the place of minus zero.
  private static let e4m3fnuz = (0..<256).map { byte in
    byte == 0x80 ? 0x7F80_0001 : value(byte, exponentBits: 4, bias: 8)
  }

  private static let e5m2fnuz = (0..<256).map { byte in
    byte == 0x80 ? 0x7F80_0001 : value(byte, exponentBits: 5, bias: 16)
  }

  /// A power of two: float32's exponent by itself. The first is half its smallest normal number.
  private static let e8m0fnu = (0..<256).map { byte in
    byte == 0 ? 0x0040_0000 : byte == 0xFF ? 0x7F80_0001 : UInt32(byte) << 23
  }

  private static func value(_ byte: Int, exponentBits: Int, bias: Int) -> UInt32 {
    let fractionBits = 7 - exponentBits
    let exponent = byte >> fractionBits & (1 << exponentBits - 1)
    let fraction = byte & (1 << fractionBits - 1)
    let significand = exponent == 0 ? fraction : fraction | 1 << fractionBits
    let scale = max(exponent, 1) - bias - fractionBits
    let magnitude = Float(sign: .plus, exponent: scale, significand: Float(significand))
    return UInt32(byte >> 7) << 31 | magnitude.bitPattern
  }
}
