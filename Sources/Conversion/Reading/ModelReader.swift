public import Checkpoints
public import KeyLayouts
public import TensorCore

/// Opens a model of any container and layout.
public enum ModelReader {
  /// Opens a checkpoint, an ingot or a diffusers folder, and finds out what its tensors are.
  ///
  /// - Throws: the error of the container's reader. A family that nobody knows is no error here:
  ///   see `ReadModel.reading`.
  public static func open(
    path: String, options: ReadingOptions = ReadingOptions()
  ) throws -> ReadModel {
    ReadModel(try Checkpoint.open(path: path, options: options))
  }
}

/// A checkpoint and what its tensors mean.
public struct ReadModel: Sendable {
  /// The checkpoint as it is, with the names that it gives.
  public let checkpoint: Checkpoint
  /// The family, the layout and the account of every tensor, or why there is none.
  public let reading: Result<LayoutReading, LayoutError>

  /// Reads the names and shapes of a checkpoint.
  public init(_ checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    let path = checkpoint.path
    reading = Result { () throws(LayoutError) in
      do throws(LayoutError) {
        return try LayoutReading(
          of: checkpoint.source.tensors, metadata: checkpoint.portableMetadata)
      } catch {
        throw LayoutError(error.problem, origin: path)
      }
    }
  }

  /// diffusers' configuration of each component and of the scheduler: what the source states, and
  /// for components that it says nothing about, what the shapes and the family imply.
  ///
  /// - Throws: `LayoutError` when the family is unknown.
  public var configurations: [String: JSONObject] {
    get throws(LayoutError) {
      try reading.get().configurations.merging(checkpoint.configurations) { $1 }
    }
  }

  /// The model under canonical names. Nothing is copied: tensors are views of the checkpoint's.
  ///
  /// A checkpoint that carries no tokenizer gets CLIP's own where its text encoder has CLIP's
  /// vocabulary.
  ///
  /// - Throws: `LayoutError` when the family is unknown, or a tensor is missing or misshapen; the
  ///   container's error when an attachment is damaged.
  public var model: CanonicalModel {
    get throws {
      let reading = try reading.get()
      try reading.requireWhole(origin: checkpoint.path)
      let configurations = try configurations
      var attachments = try checkpoint.attachments.files
      let vocabulary = configurations["text_encoder"]?["vocab_size"]?.intValue
      if vocabulary == CLIPVocabulary.count,
        !attachments.keys.contains(where: { $0.hasPrefix("tokenizer/") })
      {
        attachments.merge(CLIPVocabulary.files) { $1 }
      }
      return CanonicalModel(
        tensors: MappedTensors(checkpoint.source, by: reading.ledger),
        configurations: configurations, attachments: attachments, origin: checkpoint.path)
    }
  }
}
