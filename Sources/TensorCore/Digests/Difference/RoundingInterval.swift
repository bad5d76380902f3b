/// For each code of a float of one byte, the numbers that round to it: to nearest, ties to even.
package struct RoundingInterval: Sendable {
  private let least: [Float]
  private let greatest: [Float]

  /// The intervals of a type; `nil` for a type that is no float of one byte.
  package static func table(_ type: ElementType) -> RoundingInterval? {
    switch type {
    case .float8E4M3FN: e4m3fn
    case .float8E5M2: e5m2
    default: nil
    }
  }

  private static let e4m3fn = RoundingInterval(.float8E4M3FN)
  private static let e5m2 = RoundingInterval(.float8E5M2)

  /// Numbers beyond the largest code belong to it: casts saturate, or give what is not finite.
  private init(_ type: ElementType) {
    let values = ByteValues.table(of: type)
    var least = [Float](repeating: .infinity, count: 256)
    var greatest = [Float](repeating: -.infinity, count: 256)
    let finite = (0..<128).filter { values[$0].isFinite }
    for code in finite {
      let value = values[code]
      let below = code == 0 ? -values[1] : values[code - 1]
      let above = code + 1 < finite.count ? values[code + 1] : .infinity
      let isEven = code % 2 == 0
      let (low, high) = ((value + below) / 2, above.isFinite ? (value + above) / 2 : .infinity)
      least[code] = isEven ? low : low.nextUp
      greatest[code] = isEven || high == .infinity ? high : high.nextDown
      // Of the same interval mirrored, both ends swap. Zeros of either sign share theirs.
      (least[code | 0x80], greatest[code | 0x80]) = (-greatest[code], -least[code])
    }
    self.least = least
    self.greatest = greatest
  }

  /// Whether a number rounds to a code, or did before an arithmetic changed it by no more than a share
  /// of itself.
  package func holds(_ value: Float, code: UInt8, slack: Float) -> Bool {
    let margin = value.magnitude * slack
    return value + margin >= least[Int(code)] && value - margin <= greatest[Int(code)]
  }

  /// The numbers that round to a code and were divided by a scale before, and a share of their size
  /// around them; `nil` for codes that are not finite.
  package func range(of code: UInt8, times scale: Float, slack: Float) -> ClosedRange<Float>? {
    let ends = [least[Int(code)] * scale, greatest[Int(code)] * scale].sorted()
    guard ends.allSatisfy({ !$0.isNaN }), ends[0].isFinite || ends[1].isFinite else { return nil }
    return ends[0] - ends[0].magnitude * slack...ends[1] + ends[1].magnitude * slack
  }

  /// Whether every changed number rounds to the code beside it.
  func hold<Number: BinaryFloatingPoint>(
    _ source: UnsafeMutableBufferPointer<Number>, _ result: UnsafeMutableBufferPointer<Number>,
    _ codes: RawSpan
  ) -> Bool {
    for index in 0..<source.count {
      let (x, y) = unsafe (source[index], result[index])
      let code = Int(unsafe codes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
      if x == y || x.isNaN && y.isNaN { continue }
      guard x >= Number(least[code]), x <= Number(greatest[code]) else { return false }
    }
    return true
  }
}
