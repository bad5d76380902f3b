/// The bits of half-width floats to and from those of float32, one value at a time.
///
/// These loops' bodies are the definition; the vector kernels of `CKernels` are tested against them
/// bit for bit. Narrowing rounds to nearest, ties to even. A NaN stays a NaN: quiet, with its sign
/// and the leading bits of its payload, as F16C does it.
enum HalfFormats {
  /// IEEE 754 binary16 to binary32. Exact, but that a signalling NaN becomes quiet.
  static func widenFloat16(_ half: UInt16) -> UInt32 {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10) & 0x1F
    let fraction = UInt32(half & 0x3FF)
    switch exponent {
    case 0: return sign | (Float(fraction) * 0x1p-24).bitPattern
    case 0x1F:
      let quiet: UInt32 = fraction == 0 ? 0 : 0x0040_0000
      return sign | 0x7F80_0000 | quiet | fraction << 13
    default: return sign | (exponent + 112) << 23 | fraction << 13
    }
  }

  /// IEEE 754 binary32 to binary16.
  static func narrowFloat16(_ bits: UInt32) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    switch magnitude {
    case 0x7F80_0001...:
      return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x3FF
    case 0x477F_F000...:  // 65,520, half way beyond the largest half, and all above
      return sign | 0x7C00
    case 0x3880_0000...:  // 2⁻¹⁴, the smallest normal half
      let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1)
      return sign | UInt16(truncatingIfNeeded: (rounded - 0x3800_0000) >> 13)
    default:
      // The spacing of floats at 0.5 is that of subnormal halves, 2⁻²⁴: the addition rounds.
      let shifted = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: shifted.bitPattern - Float(0.5).bitPattern)
    }
  }

  /// bfloat16 to binary32: the upper half of the same bits.
  static func widenBFloat16(_ half: UInt16) -> UInt32 { UInt32(half) << 16 }

  /// binary32 to bfloat16.
  static func narrowBFloat16(_ bits: UInt32) -> UInt16 {
    let high = UInt16(truncatingIfNeeded: bits >> 16)
    guard bits & 0x7FFF_FFFF <= 0x7F80_0000 else { return high | 0x40 }
    return UInt16(truncatingIfNeeded: (bits + 0x7FFF + UInt32(high & 1)) >> 16)
  }

  /// A double as a float rounded to odd: what cannot be held exactly ends in a one.
  ///
  /// Rounding that float to a half gives what rounding the double once would have given, because
  /// the float has more than two bits more than either half format (Boldo and Melquiond 2008).
  static func roundToOdd(_ value: Double) -> Float {
    let nearest = Float(value)
    let back = Double(nearest)
    guard back != value, !value.isNaN else { return nearest }
    let towardsZero =
      back.magnitude > value.magnitude
      ? nearest.bitPattern - 1 : nearest.bitPattern
    return Float(bitPattern: towardsZero | 1)
  }
}
