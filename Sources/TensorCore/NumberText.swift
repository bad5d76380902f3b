#if canImport(Glibc)
  internal import Glibc
#endif

/// Numbers as people read them in tables.
extension Double {
  /// The number rounded to so many significant digits, 1 to 17, in the shorter of plain and scientific
  /// notation, as C's `%.4g` has it; below a million the digits before the point all stand: `2368` and
  /// not `2.37e+03`.
  package func text(digits: Int) -> String {
    let whole = magnitude.rounded()
    if whole >= 10, whole < 1e6, whole >= Self.powers[min(digits, Self.powers.count - 1)] {
      return String(Int(rounded()))
    }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      _ = unsafe gcvt(self, CInt(digits), start)
      return unsafe String(cString: start)
    }
  }

  private static let powers = [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
}

extension Int {
  /// A whole number with thousands separated: `859,520,964`.
  package var grouped: String {
    guard magnitude >= 1000 else { return String(self) }
    var digits = Substring(String(magnitude))
    var groups: [Substring] = []
    while !digits.isEmpty {
      groups.append(digits.suffix(3))
      digits = digits.dropLast(3)
    }
    return (self < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }
}
