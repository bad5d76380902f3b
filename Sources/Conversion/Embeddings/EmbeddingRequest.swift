public import Checkpoints
public import KeyLayouts
public import TensorCore

/// What to make of a textual inversion.
public struct EmbeddingRequest: Sendable, Hashable {
  /// Where the result goes.
  public var output: String
  /// The container of the result: safetensors or PyTorch.
  public var container: ContainerFormat
  /// The names of the result; by default what the source and the ending of the output imply.
  public var form: EmbeddingForm?
  /// Which of several embeddings to take, or the name that the only one gets.
  public var token: String?
  /// The vectors of which encoder to take, or the encoder that unlabelled ones are for.
  public var encoder: EmbeddingEncoder?
  /// The type that the vectors are cast to; their own by default.
  public var elementType: ElementType?
  /// What the result is to say beside what the source says.
  public var metadata: JSONObject
  /// Whether a tensor that the result has no place for is an error.
  public var isStrict: Bool

  /// Describes a conversion.
  public init(
    output: String, container: ContainerFormat, form: EmbeddingForm? = nil, token: String? = nil,
    encoder: EmbeddingEncoder? = nil, elementType: ElementType? = nil, metadata: JSONObject = [:],
    isStrict: Bool = false
  ) {
    self.output = output
    self.container = container
    self.form = form
    self.token = token
    self.encoder = encoder
    self.elementType = elementType
    self.metadata = metadata
    self.isStrict = isStrict
  }

  /// Whether something was asked for that only an embedding has.
  public var isExplicit: Bool { form != nil || token != nil || encoder != nil }
}

/// What came of the conversion of a textual inversion.
public struct EmbeddingReport: Sendable, Hashable {
  /// One tensor of the result.
  public struct Part: Sendable, Hashable {
    /// The tensor's name in the source.
    public let source: String
    /// Its description in the result; a pickle has dictionaries at the dots.
    public let target: TensorDescription
    /// For which text encoder it is, in words.
    public let fitting: String
  }

  /// The file that was read.
  public let source: String
  /// Its form.
  public let sourceForm: EmbeddingForm
  /// What was written.
  public let output: String
  /// Its container.
  public let container: ContainerFormat
  /// Its form.
  public let form: EmbeddingForm
  /// The token.
  public let token: String
  /// Whether nothing but the source's file name says the token.
  public let isTokenFromFile: Bool
  /// The tensors that were written.
  public let parts: [Part]
  /// Tensors of the source that the result has no place for.
  public let leftBehind: [String]
  /// Keys of metadata that the result has no place for.
  public let droppedMetadata: [String]
  /// Tensors with values beyond the type that they were cast to.
  public let overflows: [CastOverflow]
  /// The keys of metadata that the container has for itself, with the names that took their place.
  public let renamedMetadata: [String: String]
}
