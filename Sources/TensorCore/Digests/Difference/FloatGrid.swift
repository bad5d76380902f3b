/// The numbers that a type of float holds: how far apart they are, where.
package struct FloatGrid: Sendable, Hashable {
  /// The binary digits, the leading one included.
  let digits: Int
  /// The exponent of the least normal number.
  let leastExponent: Int
  /// The greatest number.
  private let greatest: Double
  /// Whether greater numbers become infinite; otherwise the greatest, or none.
  private let hasInfinity: Bool

  /// `nil` for types that round in steps that their neighbours decide, and for whole numbers.
  package init?(_ type: ElementType) {
    switch type {
    case .float16: (digits, leastExponent, greatest) = (11, -14, 65504)
    case .bfloat16: (digits, leastExponent, greatest) = (8, -126, 0x1.FEp127)
    case .float32: (digits, leastExponent, greatest) = (24, -126, 0x1.FFFFFEp127)
    case .float64: (digits, leastExponent, greatest) = (53, -1022, .greatestFiniteMagnitude)
    case .float8E4M3FN: (digits, leastExponent, greatest) = (4, -6, 448)
    case .float8E5M2: (digits, leastExponent, greatest) = (3, -14, 57344)
    default: return nil
    }
    hasInfinity = type.isPlainFloat
  }

  /// The way from a finite number to the next one further from zero.
  func step(at value: Double) -> Double {
    let exponent = value == 0 ? leastExponent : max(Int(value.exponent), leastExponent)
    let last = exponent - digits + 1
    return last >= -1022
      ? Double(bitPattern: UInt64(last + 1023) << 52)
      : Double(sign: .plus, exponent: last, significand: 1)
  }

  /// The numbers that round to one: to nearest, ties to even. Numbers beyond the greatest float of one
  /// byte belong to it.
  ///
  /// - Parameter storage: what the result was rounded to once more, to be stored.
  /// - Returns: `nil` where the type does not hold the number.
  func range(of value: Double, storedIn storage: FloatGrid?) -> ClosedRange<Double>? {
    let size = value.magnitude
    if size == .infinity {
      let holder = storage ?? self
      guard hasInfinity, holder.hasInfinity else { return nil }
      let least = min(greatest, holder.greatest)
      return value > 0 ? least ... .infinity : -.infinity ... -least
    }
    guard size <= greatest else { return nil }
    let step = step(at: value)
    let places = size / step
    guard places == places.rounded() else { return nil }
    let isLeastOfBinade =
      size.significandBitPattern == 0 && size > 0 && size.exponent > leastExponent
    let lower = isLeastOfBinade ? step / 2 : step
    var low = size - lower / 2
    var high = size == greatest && !hasInfinity ? .infinity : size + step / 2
    if Int(places) % 2 == 1 { (low, high) = (low.nextUp, high == .infinity ? high : high.nextDown) }
    // Where what stores it has greater steps, numbers of this type were rounded to it.
    if let wider = storage?.step(at: value), wider > lower {
      let upper = self.step(at: size + wider / 2)
      low = size - (wider + (size == 0 ? upper : lower)) / 2
      high = size + (wider + upper) / 2
    }
    return value < 0 ? -high ... -low : low...high
  }

  /// The variance of the error of what was rounded to a number: a twelfth of its step's square; 0 for
  /// what is not finite.
  package func variance(of value: Double) -> Double {
    guard value.isFinite else { return 0 }
    let step = step(at: value)
    return step * step / 12
  }
}
