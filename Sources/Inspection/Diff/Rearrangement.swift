internal import TensorCore

/// Looks for ways in which one matrix lies differently in two files without its shape telling: a
/// square one transposed, and the scale and the shift of a modulation in the other order.
enum Rearrangement {
  /// Fewer values agree by chance.
  private static let leastCount = 16
  /// Above this cosine two tensors are the same, trained or not.
  private static let similar = 0.9
  /// About how many values of a half are looked at.
  private static let sampleCount = 4096

  /// How `b` lies, if it resembles `a` that way and not as it stands; `nil` otherwise.
  ///
  /// - Parameter cosine: that of the tensors as they stand.
  static func relation(
    _ a: TensorView, _ b: TensorView, cosine: Double?
  ) -> TensorPair.Relation? {
    guard a.shape == b.shape, a.shape.elementCount >= leastCount, cosine ?? 1 < similar,
      a.elementType.blockElements == 1, b.elementType.blockElements == 1
    else { return nil }
    if a.shape.rank == 2, a.shape[0] == a.shape[1], isTransposed(a, b) { return .transposed }
    if a.shape[0] % 2 == 0, areHalvesSwapped(a, b) { return .halvesSwapped }
    return nil
  }

  private static func isTransposed(_ a: TensorView, _ b: TensorView) -> Bool {
    let size = a.shape[0]
    let step = max(size / 64, 1)
    let places = Array(stride(from: 0, to: size, by: step))
    var cosine = Cosine()
    for row in places {
      let values = a.numbers(row * size..<(row + 1) * size)
      for column in places {
        // A row of the one is a column of the other.
        let other = b.numbers(column * size + row..<column * size + row + 1)
        if let other = other.first { cosine.add(values[values.startIndex + column], other) }
      }
    }
    return cosine.value > similar
  }

  private static func areHalvesSwapped(_ a: TensorView, _ b: TensorView) -> Bool {
    let half = a.shape[0] / 2
    let width = a.shape.elementCount / a.shape[0]
    let step = max(half / max(sampleCount / max(width, 1), 8), 1)
    var (first, second) = (Cosine(), Cosine())
    for row in stride(from: 0, to: half, by: step) {
      let upper = row * width..<(row + 1) * width
      let lower = (half + row) * width..<(half + row + 1) * width
      for (x, y) in zip(a.numbers(upper), b.numbers(lower)) { first.add(x, y) }
      for (x, y) in zip(a.numbers(lower), b.numbers(upper)) { second.add(x, y) }
    }
    return first.value > similar && second.value > similar
  }

  /// The cosine of the angle between the finite values added so far.
  private struct Cosine {
    private var (squaresA, squaresB, products) = (0.0, 0.0, 0.0)

    mutating func add(_ a: Double, _ b: Double) {
      guard a.isFinite, b.isFinite else { return }
      squaresA += a * a
      squaresB += b * b
      products += a * b
    }

    /// 0 where one is zero.
    var value: Double {
      let norms = squaresA.squareRoot() * squaresB.squareRoot()
      return norms > 0 ? products / norms : 0
    }
  }
}
