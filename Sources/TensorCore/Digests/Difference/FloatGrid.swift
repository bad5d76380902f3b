/// The numbers that a type of float holds: how far apart they are, where.
package struct FloatGrid: Sendable, Hashable {
  /// The binary digits, the leading one included.
  let digits: Int
  /// The exponent of the least normal number.
  let leastExponent: Int

  /// `nil` for types that round in steps that their neighbours decide, and for whole numbers.
  package init?(_ type: ElementType) {
    switch type {
    case .float16: (digits, leastExponent) = (11, -14)
    case .bfloat16: (digits, leastExponent) = (8, -126)
    case .float32: (digits, leastExponent) = (24, -126)
    case .float64: (digits, leastExponent) = (53, -1022)
    case .float8E4M3FN: (digits, leastExponent) = (4, -6)
    case .float8E5M2: (digits, leastExponent) = (3, -14)
    default: return nil
    }
  }

  /// The way from a finite number to the next one further from zero.
  func step(at value: Double) -> Double {
    let exponent = value == 0 ? leastExponent : max(Int(value.exponent), leastExponent)
    return Double(sign: .plus, exponent: exponent - digits + 1, significand: 1)
  }

  /// The variance of the error of what was rounded to a number: a twelfth of its step's square; 0 for
  /// what is not finite.
  package func variance(of value: Double) -> Double {
    guard value.isFinite else { return 0 }
    let step = step(at: value)
    return step * step / 12
  }
}
