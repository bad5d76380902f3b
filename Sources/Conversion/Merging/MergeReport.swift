/// What came of a merge.
public struct MergeReport: Sendable {
  /// What was written.
  public let conversion: ConversionReport
  /// What was used of each adapter.
  public var adapters: [AdapterOutcome] = []
  /// How models were mixed; `nil` where adapters were baked in.
  public var models: CheckpointMerge?
  /// Tensors whose change made finite values infinite in their own type.
  public let overflows: [CastOverflow]
  /// Tensors with computed values that are NaN or infinite.
  public let nonFinite: [CastOverflow]
  /// Copies of the model as it was, which the merge leaves behind: the running average of training.
  public let leftBehind: [String]
}
