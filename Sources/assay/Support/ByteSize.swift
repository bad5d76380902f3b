internal import ArgumentParser

/// A number of bytes as people write it: `500MB` and `2GB` in thousands, `5GiB` in 1024s, or plain.
struct ByteSize: ExpressibleByArgument, Hashable {
  /// The bytes; at least 1.
  let count: Int

  private static let units = [
    "": 1, "b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
  ]

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits), number > 0,
      let unit = Self.units[argument.dropFirst(digits.count).lowercased()]
    else { return nil }
    let (count, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    self.count = count
  }
}
