/// What a user may say about how a checkpoint is read.
public struct ReadingOptions: Sendable, Hashable {
  /// Where in a pickle the tensors lie: the keys from the outside in, joined by dots
  /// (`params_ema`, `state_dict.model`). Tensors beside them are left out. By default wrappers such
  /// as `state_dict` are found by their names, and tensors beside them keep their full path.
  public var root: String?
  /// Whether files are mapped into memory. On some network disks mapping is 30 to 50 times slower
  /// than reading in order, which happens otherwise.
  public var usesMapping: Bool

  /// Which of a folder's weights are read: `fp16`, `non_ema`. Components that have none of this
  /// variant are read from their own. By default the model's own weights come first.
  public var variant: String?

  /// Whether an index of shards stands for them. Not where a shard is expected: an index that
  /// names an index, or itself, is no model.
  var followsIndex = true

  /// Chooses how a checkpoint is read.
  public init(root: String? = nil, usesMapping: Bool = true, variant: String? = nil) {
    self.root = root
    self.usesMapping = usesMapping
    self.variant = variant
  }
}
