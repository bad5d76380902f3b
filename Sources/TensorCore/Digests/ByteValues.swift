/// The values that the one-byte element types give to the 256 bytes.
enum ByteValues {
  /// The value of every byte of a one-byte type.
  static func table(of type: ElementType) -> [Float] {
    (UInt8.min...UInt8.max).map { byte in
      switch type {
      case .bool: byte == 0 ? 0 : 1
      case .int8: Float(Int8(bitPattern: byte))
      case .float8E4M3FN: decode(byte, fractionBits: 3, bias: 7, kind: .finiteOnly)
      case .float8E5M2: decode(byte, fractionBits: 2, bias: 15, kind: .ieee)
      case .float8E4M3FNUZ: decode(byte, fractionBits: 3, bias: 8, kind: .unsignedZero)
      case .float8E5M2FNUZ: decode(byte, fractionBits: 2, bias: 16, kind: .unsignedZero)
      case .float8E8M0FNU:
        byte == 0xFF ? .nan : Float(sign: .plus, exponent: Int(byte) - 127, significand: 1)
      default: Float(byte)
      }
    }
  }

  /// What the topmost codes of a float8 type mean.
  private enum Kind {
    /// Infinities and NaNs as in IEEE 754.
    case ieee
    /// No infinities; all ones but the sign is NaN ("FN").
    case finiteOnly
    /// No infinities and no negative zero, whose code is the only NaN ("FNUZ").
    case unsignedZero
  }

  /// Micikevicius et al. 2022, "FP8 Formats for Deep Learning"; the FNUZ forms as in MLIR and ONNX.
  private static func decode(_ byte: UInt8, fractionBits: Int, bias: Int, kind: Kind) -> Float {
    let magnitude = Int(byte & 0x7F)
    let exponent = magnitude >> fractionBits
    let fraction = magnitude & (1 << fractionBits - 1)
    switch kind {
    case .unsignedZero where byte == 0x80: return .nan
    case .finiteOnly where magnitude == 0x7F: return .nan
    case .ieee where exponent == 0x7F >> fractionBits:
      guard fraction == 0 else { return .nan }
      return byte & 0x80 == 0 ? .infinity : -.infinity
    default: break
    }
    let significand = exponent == 0 ? fraction : fraction | 1 << fractionBits
    let value = Float(
      sign: .plus, exponent: max(exponent, 1) - bias - fractionBits,
      significand: Float(significand))
    return byte & 0x80 == 0 ? value : -value
  }
}
