public import Checkpoints
public import KeyLayouts
public import TensorCore

/// Opens a model of any container and layout.
public enum ModelReader {
  /// Opens a checkpoint, an ingot or a diffusers folder, and finds out what its tensors are.
  ///
  /// - Parameters:
  ///   - overrides: what the user states about the model.
  ///   - names: the user's own table, which is applied before anything is recognised.
  ///   - averages: what becomes of averaged weights; `nil` to leave them where they are.
  /// - Throws: the error of the container's reader, and `ConversionError` when the table or the
  ///   averages do not fit. A family that nobody knows is no error here: see `ReadModel.reading`.
  public static func open(
    path: String, options: ReadingOptions = ReadingOptions(),
    overrides: ConfigurationOverrides = ConfigurationOverrides(), names: RenameRules? = nil,
    averages: AveragedWeights? = nil
  ) throws -> ReadModel {
    var checkpoint = try Checkpoint.open(path: path, options: options)
    let isRenamed = names != nil || averages != nil
    let namesBefore = isRenamed ? checkpoint.source.tensors.map(\.name) : nil
    var idleRenames: [String] = []
    var usedAverages: Set<Int> = []
    if let names {
      let renamed = try RenamedTensors(checkpoint.checkedSource, by: names, path: path)
      idleRenames = renamed.idlePatterns
      checkpoint = checkpoint.replacing(renamed)
    }
    if let averages {
      let averaged = try AveragedTensors(checkpoint.checkedSource, averages, path: path)
      usedAverages = averaged.used
      checkpoint = checkpoint.replacing(averaged)
    }
    var model = ReadModel(checkpoint, overrides: overrides, averages: averages)
    model.namesBefore = namesBefore
    model.idleRenames = idleRenames
    model.usedAverages = usedAverages
    return model
  }
}

/// A checkpoint and what its tensors mean.
public struct ReadModel: Sendable {
  /// The checkpoint as it is, with the names that it gives.
  public let checkpoint: Checkpoint
  /// The family, the layout and the account of every tensor, or why there is none.
  public let reading: Result<LayoutReading, LayoutError>
  /// What is stated of the pipeline, by the user before the checkpoint: its class, settings and
  /// components.
  let pipeline: JSONObject
  /// The tensors under canonical names as far as they have any.
  public let canonicalTensors: CanonicalTensors
  /// Whether the user states anything about the model.
  let isOverridden: Bool
  /// What the user says is to become of averaged weights.
  let averages: AveragedWeights?
  /// The names that the file gives, where the user's own table or the choice of averages gave others.
  fileprivate(set) var namesBefore: [String]?
  /// The patterns of the user's own table that match no tensor's name.
  public fileprivate(set) var idleRenames: [String] = []
  /// The places of averages that stand for a weight.
  fileprivate(set) var usedAverages: Set<Int> = []

  /// Reads the names and shapes of a checkpoint.
  public init(
    _ checkpoint: Checkpoint, overrides: ConfigurationOverrides = ConfigurationOverrides(),
    averages: AveragedWeights? = nil
  ) {
    self.averages = averages
    isOverridden = overrides != ConfigurationOverrides()
    self.checkpoint = checkpoint
    pipeline = PipelineIndex.stated(by: checkpoint)
      .merging(overrides.configurations[StatedConfigurations.indexName] ?? [:])
    let path = checkpoint.path
    reading = Result { () throws(LayoutError) in
      do throws(LayoutError) {
        return try LayoutReading(
          of: checkpoint.source.tensors, metadata: checkpoint.portableMetadata,
          stated: checkpoint.configurations, markers: checkpoint.markerValues,
          overrides: overrides)
      } catch {
        throw LayoutError(error.problem, origin: path)
      }
    }
    canonicalTensors = CanonicalTensors(of: checkpoint, reading)
  }

  /// diffusers' configuration of each component and of the scheduler: what the user and the source
  /// state, and else what the shapes and the family imply.
  ///
  /// - Throws: `LayoutError` when the family is unknown.
  public var configurations: [String: JSONObject] {
    get throws(LayoutError) { try reading.get().configurations }
  }

  /// The model under canonical names. Nothing is copied: tensors are views of the checkpoint's.
  ///
  /// A checkpoint that carries no tokenizer gets CLIP's own for every text encoder with CLIP's
  /// vocabulary.
  ///
  /// - Throws: `LayoutError` when the family is unknown, or a tensor is missing or misshapen; the
  ///   container's error when an attachment is damaged.
  public var model: CanonicalModel {
    get throws {
      let reading = try reading.get()
      try reading.requireWhole(origin: checkpoint.path)
      let configurations = reading.configurations
      return CanonicalModel(
        tensors: MappedTensors(checkpoint.source, by: reading.ledger),
        configurations: configurations, attachments: try attachments(for: configurations),
        origin: checkpoint.path)
    }
  }

  /// The files carried along: the checkpoint's own, and a tokenizer for every text encoder among
  /// the configurations that has CLIP's vocabulary and comes without one.
  ///
  /// - Throws: the container's error when an attachment is damaged.
  func attachments(for configurations: [String: JSONObject]) throws -> [String: [UInt8]] {
    var attachments = try checkpoint.attachments.files
    for (encoder, folder) in [("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")] {
      guard let configuration = configurations[encoder] else {
        attachments = attachments.filter { !$0.key.hasPrefix(folder + "/") }
        continue
      }
      guard configuration["vocab_size"]?.intValue == CLIPVocabulary.count,
        !attachments.keys.contains(where: { $0.hasPrefix(folder + "/") })
      else { continue }
      // OpenCLIP pads with its entry 0, OpenAI with the end mark.
      let isOpenCLIP = configuration["hidden_act"]?.stringValue == "gelu"
      let files = CLIPVocabulary.files(
        folder: folder, padding: isOpenCLIP ? "!" : CLIPVocabulary.endMark)
      attachments.merge(files) { $1 }
    }
    return attachments
  }
}
