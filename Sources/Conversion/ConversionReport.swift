public import Checkpoints
public import KeyLayouts
public import TensorCore

/// What came of a conversion.
public struct ConversionReport: Sendable, Hashable {
  /// The model that was read.
  public let source: String
  /// Its container.
  public let sourceFormat: ContainerFormat
  /// Its family and layout, or `nil` when nobody knows them.
  public let detection: Detection?
  /// What the file is, where that shows without a family's table: FLUX.1, a LoRA.
  public let recognised: String?
  /// What was written.
  public let output: String
  /// Its container.
  public let container: ContainerFormat
  /// Its layout, or `nil` when the names stayed as they were.
  public let layout: Layout?
  /// What became of every tensor of the source.
  public let ledger: Ledger
  /// What a pickle names beside plain data: not run, and not written either.
  public let opaqueValues: [OpaqueValue]
  /// The verdict on the source's pickles; `nil` where it has none.
  public let safety: SafetyReport?
  /// The source's tensors that have no counterpart here and could not be read, each with the
  /// reason.
  public let unreadTensors: JSONObject
  /// The bytes of the tensors that were written.
  public let byteCount: Int
  /// Tensors with values beyond the type that they were cast to.
  public let overflows: [CastOverflow]
  /// The files when there are several with an index, which is the last.
  public let files: [String]
  /// Files of a former division of the same model that are still there.
  public let leftovers: [String]
  /// The keys of metadata that the container has no place for.
  public let droppedMetadata: [String]
  /// The keys of metadata that the container has for itself, with the names that took their place.
  public let renamedMetadata: [String: String]
  /// The fields of configurations that no tensor and no rule of the family gives: other programs
  /// must be told, the metadata tell them here.
  public let unsaidFields: [String]
  /// Tensors that no rule knows and that went along, because all names were kept.
  public let keptUnexplained: [String]
  /// What is worth knowing about the model although nothing is wrong with it, a line each.
  public let remarks: [String]
  /// Floating tensors that stayed in their own type, because a block type was asked for and they
  /// are no matrices with whole blocks in their rows.
  public let kept: [String]
  /// What the U-Net predicts and how that is known; `nil` where none was written.
  public let prediction: Prediction?
  /// The markers of the prediction type that were added.
  public let markers: [String]
  /// For the first tensors that no rule knows, the expected name that is most like theirs.
  public let nearest: [String: String]
  /// The patterns of the user's own table of names that no tensor's name matches.
  public let idleRenames: [String]
  /// What converting there and back showed, if that was asked for.
  public let certificate: RoundTripCertificate?
}
