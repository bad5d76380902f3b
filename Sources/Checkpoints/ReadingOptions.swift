/// What a user may say about how a checkpoint is read.
public struct ReadingOptions: Sendable, Hashable {
  /// Where in a pickle the tensors lie: the keys from the outside in, joined by dots
  /// (`params_ema`, `state_dict.model`). Tensors beside them are left out. By default wrappers such
  /// as `state_dict` are found by their names, and tensors beside them keep their full path.
  public var root: String?
  /// Whether files are mapped into memory. On some network disks mapping is 30 to 50 times slower
  /// than reading in order, which happens otherwise.
  public var usesMapping: Bool

  /// Chooses how a checkpoint is read.
  public init(root: String? = nil, usesMapping: Bool = true) {
    self.root = root
    self.usesMapping = usesMapping
  }
}
