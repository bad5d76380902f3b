internal import Checkpoints
public import KeyLayouts
internal import TensorCore

extension CheckpointSummary {
  /// The weights whose numbers mean something only with what stands beside them.
  public var storedForms: StoredForms { StoredForms(of: checkpoint.source.tensors) }
}
