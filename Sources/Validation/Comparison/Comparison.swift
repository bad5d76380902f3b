internal import Foundation

/// How far computed values lie from recorded ones.
public struct Comparison: Sendable, Hashable {
  /// The common shape, outermost first.
  public let shape: [Int]
  /// The largest absolute difference; infinite when values are not finite.
  public let maxAbsoluteError: Double
  /// The largest absolute difference as a part of the largest recorded magnitude.
  public let relativeError: Double
  /// The cosine of the angle between the two, seen as vectors; 1 when both are zero.
  public let cosineSimilarity: Double
  /// The peak signal-to-noise ratio in decibels, for pictures: infinite when they are equal.
  public let peakSignalToNoise: Double?
  /// The number of computed or recorded values that are NaN or infinite. Any is a failure.
  public let nonFiniteCount: Int

  /// The figures where shapes differ: as wrong as can be.
  ///
  /// - Parameter shape: the recorded shape.
  public init(incomparableWith shape: [Int]) {
    self.shape = shape
    maxAbsoluteError = .infinity
    relativeError = .infinity
    cosineSimilarity = 0
    peakSignalToNoise = nil
    nonFiniteCount = 0
  }

  /// Compares values of one shape.
  ///
  /// - Parameters:
  ///   - found: the computed values.
  ///   - expected: the recorded values, as many.
  ///   - shape: their shape.
  ///   - peak: for pictures, the span of a channel: 255 for bytes, 2 for values in -1…1.
  public init(found: [Float], expected: [Float], shape: [Int], peak: Double? = nil) {
    precondition(found.count == expected.count, "comparing values of different shapes")
    var (largest, magnitude, squares) = (0.0, 0.0, 0.0)
    var (dot, foundNorm, expectedNorm) = (0.0, 0.0, 0.0)
    var nonFinite = 0
    for (a, b) in zip(found, expected) {
      guard a.isFinite, b.isFinite else {
        nonFinite += 1
        continue
      }
      let (a, b) = (Double(a), Double(b))
      largest = max(largest, abs(a - b))
      magnitude = max(magnitude, abs(b))
      squares += (a - b) * (a - b)
      dot += a * b
      foundNorm += a * a
      expectedNorm += b * b
    }
    self.shape = shape
    nonFiniteCount = nonFinite
    maxAbsoluteError = nonFinite > 0 ? .infinity : largest
    relativeError =
      if nonFinite > 0 { .infinity } else if largest == 0 { 0 } else { largest / magnitude }
    let norms = (foundNorm * expectedNorm).squareRoot()
    cosineSimilarity = norms > 0 ? dot / norms : (foundNorm == expectedNorm ? 1 : 0)
    peakSignalToNoise = peak.map { peak in
      guard nonFinite == 0 else { return -.infinity }
      guard squares > 0 else { return .infinity }
      return 10 * log10(peak * peak * Double(found.count) / squares)
    }
  }
}
