#if canImport(Glibc)
  internal import Glibc
#endif

extension Double {
  /// The number rounded to so many significant digits, 1 to 17, in the shorter of plain and scientific
  /// notation: C's `%.4g`. A table of a model's statistics has ten thousand of them.
  package func text(digits: Int) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      _ = unsafe gcvt(self, CInt(digits), start)
      return unsafe String(cString: start)
    }
  }
}
