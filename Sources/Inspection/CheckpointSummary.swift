public import Checkpoints
public import Conversion
public import KeyLayouts
public import TensorCore

/// What a container holds, from its directory alone: no tensor is read.
public struct CheckpointSummary: Sendable {
  /// The tensors of one element type.
  public struct ElementTypeCount: Sendable, Hashable {
    /// How the elements are stored.
    public let elementType: ElementType
    /// The number of tensors.
    public let tensorCount: Int
    /// The number of elements in them.
    public let elementCount: Int
    /// The number of bytes they take.
    public let byteCount: Int
  }

  /// The container as it was opened.
  public let checkpoint: Checkpoint
  /// The element types in use, the one with most bytes first.
  public let elementTypes: [ElementTypeCount]
  /// The family and the account of every tensor, or why there is none.
  public let reading: Result<LayoutReading, LayoutError>
  /// The components of a model of a known family.
  public let components: [ComponentSummary]
  /// The parts of a model whose family is recognised and has no table.
  public let foreign: ForeignModel?
  /// The weights whose numbers mean something only with what stands beside them.
  public let storedForms: StoredForms
  /// What the file is where it is a LoRA or one of its kin.
  public let adapter: AdapterSummary?
  /// The textual inversions that the file is, or that stand beside a LoRA.
  public let embeddings: EmbeddingFile?

  /// Summarises an opened container.
  ///
  /// - Parameter overrides: what the user states about the model.
  public init(
    of checkpoint: Checkpoint, overrides: ConfigurationOverrides = ConfigurationOverrides()
  ) {
    self.init(
      checkpoint,
      Result { () throws(LayoutError) in
        try LayoutReading(
          of: checkpoint.source.tensors, metadata: checkpoint.portableMetadata,
          stated: checkpoint.configurations, overrides: overrides)
      })
  }

  /// Summarises a model whose tensors were understood already.
  public init(of model: ReadModel) {
    self.init(
      model.checkpoint,
      model.reading.mapError { error in
        // The path stands in front of the summary.
        LayoutError(error.problem)
      })
  }

  private init(_ checkpoint: Checkpoint, _ reading: Result<LayoutReading, LayoutError>) {
    self.checkpoint = checkpoint
    self.reading = reading
    elementTypes = Self.elementTypes(of: checkpoint.source.tensors)
    storedForms = StoredForms(of: checkpoint.source.tensors)
    let isKnown = (try? reading.get()) != nil
    adapter = isKnown ? nil : AdapterSummary(of: checkpoint)
    foreign =
      isKnown || adapter != nil ? nil : ForeignModel(of: checkpoint.source.tensors)
    embeddings =
      .bundled(in: checkpoint.source.tensors)
      ?? EmbeddingFile(of: checkpoint.source.tensors, metadata: checkpoint.portableMetadata)
    components = (try? reading.get()).map { ComponentSummary.all(of: $0) } ?? []
  }

  /// Counts tensors by element type, the type with most bytes first.
  public static func elementTypes(of tensors: [TensorDescription]) -> [ElementTypeCount] {
    Dictionary(grouping: tensors, by: \.elementType).map { type, tensors in
      ElementTypeCount(
        elementType: type, tensorCount: tensors.count,
        elementCount: tensors.reduce(0) { $0 + $1.shape.elementCount },
        byteCount: tensors.reduce(0) { $0 + (type.byteCount(for: $1.shape) ?? 0) })
    }
    .sorted { ($0.byteCount, $1.elementType.rawValue) > ($1.byteCount, $0.elementType.rawValue) }
  }

  /// The number of elements of all tensors.
  public var elementCount: Int { elementTypes.reduce(0) { $0 + $1.elementCount } }
  /// The number of bytes of all tensors.
  public var byteCount: Int { elementTypes.reduce(0) { $0 + $1.byteCount } }
}
