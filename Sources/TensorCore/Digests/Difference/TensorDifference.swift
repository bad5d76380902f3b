/// How the values of a tensor differ from those of another, place by place.
///
/// Sums, norms and the greatest difference are over the places where both are finite; the others
/// are counted and compared (NaN equals NaN, an infinity itself), so that they poison nothing. A
/// complex number counts as its two parts. Accumulated in double precision in an order that does
/// not depend on the processor; where a sum of squares overflows, the norms are infinite.
public struct TensorDifference: Sendable, Hashable {
  /// The number of places that were compared.
  public internal(set) var count = 0
  /// The places where both values are finite.
  public internal(set) var finiteCount = 0
  /// The places with different values. Zeros of either sign are equal.
  public internal(set) var changedCount = 0
  /// The places that differ by more than the tolerance.
  public internal(set) var beyondCount = 0
  /// The NaNs and infinities of the first tensor.
  public internal(set) var nonFiniteCountA = 0
  /// The NaNs and infinities of the second tensor.
  public internal(set) var nonFiniteCountB = 0
  /// The places that differ where one value or both are NaN or infinite.
  public internal(set) var nonFiniteChangedCount = 0
  /// The greatest |B − A|.
  public internal(set) var maxAbs = 0.0
  /// The sum of all |B − A|.
  public internal(set) var sumAbs = 0.0
  /// The sum of all (B − A)².
  public internal(set) var sumSquares = 0.0
  /// The sum of all A².
  public internal(set) var sumSquaresA = 0.0
  /// The sum of all B².
  public internal(set) var sumSquaresB = 0.0
  /// The sum of all A·B.
  public internal(set) var sumProducts = 0.0
  /// Whether the tensors have the same type and the same bytes: finer than the same values.
  public internal(set) var isSameBytes = true
  /// What alone accounts for every changed value; all roundings that do.
  public package(set) var roundings: Set<Rounding>?

  /// No places yet.
  public init() {}

  /// Of places that are known to hold the same bytes on both sides.
  ///
  /// - Parameters:
  ///   - statistics: what the values are like.
  ///   - count: how many there are.
  public init(same statistics: TensorStatistics?, count: Int) {
    self.count = count
    guard let statistics else { return }
    finiteCount = count - statistics.nonFiniteCount
    (nonFiniteCountA, nonFiniteCountB) = (statistics.nonFiniteCount, statistics.nonFiniteCount)
    guard finiteCount > 0 else { return }
    let deviation = statistics.standardDeviation
    let squares =
      Double(finiteCount) * (deviation * deviation + statistics.mean * statistics.mean)
    (sumSquaresA, sumSquaresB, sumProducts) = (squares, squares, squares)
  }

  /// Adds other places.
  public mutating func add(_ other: TensorDifference) {
    count += other.count
    finiteCount += other.finiteCount
    nonFiniteCountA += other.nonFiniteCountA
    nonFiniteCountB += other.nonFiniteCountB
    nonFiniteChangedCount += other.nonFiniteChangedCount
    beyondCount += other.beyondCount
    maxAbs = max(maxAbs, other.maxAbs)
    sumAbs += other.sumAbs
    sumSquares += other.sumSquares
    sumSquaresA += other.sumSquaresA
    sumSquaresB += other.sumSquaresB
    sumProducts += other.sumProducts
    isSameBytes = isSameBytes && other.isSameBytes
    // Places without changes agree with every rounding.
    if other.changedCount > 0 {
      roundings =
        changedCount == 0
        ? other.roundings : roundings?.intersection(other.roundings ?? [])
    }
    changedCount += other.changedCount
  }
}

extension TensorDifference {
  /// Whether all figures have the same bits: two NaNs are equal.
  public static func == (left: Self, right: Self) -> Bool {
    left.bits == right.bits && left.isSameBytes == right.isSameBytes
      && left.roundings == right.roundings
  }

  /// Hashes the bits of the figures.
  public func hash(into hasher: inout Hasher) { hasher.combine(bits) }

  private var bits: [UInt64] {
    let counts = [
      count, finiteCount, changedCount, beyondCount, nonFiniteCountA, nonFiniteCountB,
      nonFiniteChangedCount,
    ]
    // Which NaN an overflow gives depends on the processor.
    return counts.map { UInt64(bitPattern: Int64($0)) }
      + [maxAbs, sumAbs, sumSquares, sumSquaresA, sumSquaresB, sumProducts].map {
        ($0.isNaN ? .nan : $0).bitPattern
      }
  }

  /// The mean |B − A|; `nil` without places where both are finite.
  public var meanAbs: Double? { finiteCount > 0 ? sumAbs / Double(finiteCount) : nil }

  /// The root of the mean (B − A)²; `nil` without places where both are finite.
  public var rootMeanSquare: Double? {
    finiteCount > 0 ? (sumSquares / Double(finiteCount)).squareRoot() : nil
  }

  /// ‖B − A‖ / ‖A‖; infinite when A alone is zero, 0 when both are.
  public var relativeNorm: Double {
    sumSquares == 0 ? 0 : (sumSquares / sumSquaresA).squareRoot()
  }

  /// The cosine of the angle between A and B; `nil` when one of them is zero.
  public var cosineSimilarity: Double? {
    if sumSquares == 0, sumSquaresA > 0 { return 1 }
    let norms = sumSquaresA.squareRoot() * sumSquaresB.squareRoot()
    return norms > 0 ? max(-1, min(1, sumProducts / norms)) : nil
  }

  /// The share of values that changed.
  public var changedFraction: Double { count > 0 ? Double(changedCount) / Double(count) : 0 }
}
