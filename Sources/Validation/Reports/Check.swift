/// One comparison and its outcome.
public struct Check: Sendable, Hashable {
  /// What was compared: `noise prediction, timestep 981`.
  public let name: String
  /// The figures.
  public let comparison: Comparison
  /// What they must reach.
  public let bound: Bound
  /// For a failed check of a traced component: the first block whose output exceeds the bound.
  public let firstBlock: BlockDifference?
  /// What differs, in words, where figures do not say it: the prompt whose ids differ.
  public let remark: String?
  /// The wall-clock time of the computation, in seconds; 0 for a further result of a computation
  /// that another check timed.
  public let seconds: Double

  /// Whether the figures are within the bound.
  public var isPassed: Bool { bound.accepts(comparison) }

  init(
    name: String, comparison: Comparison, bound: Bound, firstBlock: BlockDifference? = nil,
    remark: String? = nil, seconds: Double = 0
  ) {
    self.name = name
    self.comparison = comparison
    self.bound = bound
    self.firstBlock = firstBlock
    self.remark = remark
    self.seconds = seconds
  }
}

/// A block of a network whose output leaves the bound.
public struct BlockDifference: Sendable, Hashable {
  /// The block's path in diffusers: `down_blocks.0.resnets.1`.
  public let block: String
  /// How far its output (or the recorded sample of it) lies off.
  public let comparison: Comparison
  /// The block that ran before it and was within the bound.
  public let lastGoodBlock: String?
}
