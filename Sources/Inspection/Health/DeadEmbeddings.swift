internal import TensorCore

/// The rows of a token embedding that stand for nothing: zero, or the same as another row.
struct DeadEmbeddings {
  private let name: String
  private var zero: [Int] = []
  private var repeated: [Int] = []

  init(_ view: TensorView) {
    name = view.name
    let length = view.elementType.byteCount(of: view.shape[1])
    // Every row is remembered: no vocabulary has more.
    guard length > 0, view.shape[0] <= 1 << 20,
      view.shape[1] % view.elementType.blockElements == 0
    else { return }
    var seen: [Digest128: Int] = [:]
    for row in 0..<view.shape[0] {
      let start = view.byteRange.lowerBound + row * length
      view.storage.withBytes(in: start..<start + length) { bytes in
        if Self.isZero(bytes, view.elementType) {
          zero.append(row)
        } else if seen.updateValue(row, forKey: XXHash3.hash128(bytes)) != nil {
          repeated.append(row)
        }
      }
    }
  }

  private static func isZero(_ row: RawSpan, _ type: ElementType) -> Bool {
    if let statistics = TensorStatistics(of: row, type: type) {
      return statistics.minimum == 0 && statistics.maximum == 0
    }
    return false
  }

  var findings: [HealthReport.Finding] {
    [(zero, "zero"), (repeated, "the same as an earlier one")].compactMap { rows, what in
      guard let first = rows.first else { return nil }
      let count = rows.count
      return HealthReport.Finding(
        kind: .deadEmbedding, isProblem: false,
        text: "\(count) token\(count == 1 ? "'s vector is" : "s' vectors are") \(what), first "
          + "token \(first)",
        tensors: [name])
    }
  }
}
