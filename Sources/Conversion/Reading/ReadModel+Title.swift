internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

extension ReadModel {
  /// What a file without a family of its own is, where that shows: `LoRA in kohya names`,
  /// `textual inversion`, `FLUX.1`; `nil` for a model of a known family, and for what nobody knows.
  public var recognisedTitle: String? {
    guard (try? reading.get()) == nil else { return nil }
    let tensors = checkpoint.source.tensors
    if let file = try? AdapterFile(of: tensors), file.isCertain || !file.halves.isEmpty {
      return "LoRA" + (file.naming.map { " in \($0.rawValue) names" } ?? "")
    }
    if let file = EmbeddingFile(of: tensors, metadata: checkpoint.portableMetadata), file.isCertain
    {
      return "textual inversion"
    }
    return ForeignModel(of: tensors)?.title
  }
}
