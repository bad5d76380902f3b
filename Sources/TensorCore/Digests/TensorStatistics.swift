/// What the values of a tensor are like.
///
/// NaN and the infinities are counted and left out of everything else; without any finite value
/// the minimum, maximum, mean and deviation are NaN. A complex number counts as its two parts.
/// The figures are accumulated in double precision, block by block (Chan, Golub and LeVeque 1983),
/// in an order that does not depend on the processor: the same bytes give the same bits. Where a
/// sum of doubles near the end of their range overflows, mean and deviation are infinite or NaN.
public struct TensorStatistics: Sendable, Hashable {
  /// The least finite value.
  public var minimum: Double
  /// The greatest finite value.
  public var maximum: Double
  /// The mean of the finite values.
  public var mean: Double
  /// The standard deviation of the finite values as a population: divided by their number, as
  /// `torch.std(correction=0)` and NumPy's default, not by one less.
  public var standardDeviation: Double
  /// The number of zeros of either sign.
  public var zeroCount: Int
  /// The number of NaNs and infinities.
  public var nonFiniteCount: Int

  /// Puts known figures together.
  public init(
    minimum: Double, maximum: Double, mean: Double, standardDeviation: Double, zeroCount: Int,
    nonFiniteCount: Int
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.zeroCount = zeroCount
    self.nonFiniteCount = nonFiniteCount
  }

  /// Whether all figures have the same bits: two NaNs are equal.
  public static func == (left: Self, right: Self) -> Bool { left.bits == right.bits }

  /// Hashes the bits of the figures.
  public func hash(into hasher: inout Hasher) { hasher.combine(bits) }

  private var bits: [UInt64] {
    [minimum, maximum, mean, standardDeviation].map(\.bitPattern)
      + [zeroCount, nonFiniteCount].map { UInt64(bitPattern: Int64($0)) }
  }

  /// The statistics of a tensor's bytes; `nil` for packed types, whose values nobody here knows.
  public init?(of bytes: RawSpan, type: ElementType) {
    guard var accumulator = StatisticsAccumulator(type: type) else { return nil }
    accumulator.update(bytes)
    self = accumulator.statistics
  }
}

/// The digest and the statistics of a tensor, made in one pass over its bytes.
public struct TensorSummary: Sendable, Hashable {
  /// The XXH3-128 digest of the bytes.
  public let digest: Digest128
  /// The statistics; `nil` for packed types.
  public let statistics: TensorStatistics?

  /// Reads a tensor's little-endian bytes once, in blocks that stay in the cache.
  public init(of bytes: RawSpan, type: ElementType) {
    var accumulator = Accumulator(type: type)
    accumulator.update(bytes)
    self = accumulator.finish()
  }

  /// Gathers a summary from runs of whole elements.
  public struct Accumulator: ~Copyable {
    private var hash = XXHash3Stream()
    private var statistics: StatisticsAccumulator?

    /// What stays in the cache: some 64 KiB, whole multiples of 4096 elements.
    private let runBytes: Int

    /// Starts with no elements.
    public init(type: ElementType) {
      statistics = StatisticsAccumulator(type: type)
      let unit = type.byteCount(of: 4096)
      runBytes = max((1 << 16) / unit, 1) * unit
    }

    /// Appends elements. Runs of a multiple of 4096 elements give the figures of a single run, bit
    /// for bit.
    public mutating func update(_ bytes: RawSpan) {
      for start in stride(from: 0, to: bytes.byteCount, by: runBytes) {
        let block = bytes.extracting(start..<min(start + runBytes, bytes.byteCount))
        hash.update(block)
        statistics?.update(block)
      }
    }

    /// What was gathered.
    public consuming func finish() -> TensorSummary {
      TensorSummary(digest: hash.digest, statistics: statistics?.statistics)
    }
  }

  private init(digest: Digest128, statistics: TensorStatistics?) {
    self.digest = digest
    self.statistics = statistics
  }
}
