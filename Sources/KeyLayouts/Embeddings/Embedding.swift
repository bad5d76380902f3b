public import TensorCore

/// A textual inversion: the vectors that stand for one token, in one text encoder or several.
public struct Embedding: Sendable, Hashable {
  /// The vectors for one text encoder.
  public struct Part: Sendable, Hashable {
    /// The tensor's place among the file's.
    public let index: Int
    /// The encoder that the file says they are for.
    public let label: EmbeddingEncoder?
    /// How many there are.
    public let vectorCount: Int
    /// How many numbers each has.
    public let width: Int
    /// How they are stored.
    public let elementType: ElementType

    /// Vectors of a tensor `[vectors, width]` or `[width]`; `nil` when it can hold none.
    init?(_ tensor: TensorDescription, at index: Int, label: EmbeddingEncoder? = nil) {
      let shape = tensor.shape
      guard (1...2).contains(shape.rank), shape.elementCount > 0, tensor.elementType.isPlainFloat
      else { return nil }
      self.index = index
      self.label = label
      vectorCount = shape.rank == 1 ? 1 : shape[0]
      width = shape[shape.rank - 1]
      elementType = tensor.elementType
    }

    /// The published encoder that they fit: the one that the file names, if its width is theirs,
    /// or the one of their width.
    public var encoder: EmbeddingEncoder? {
      label.map { $0.width == width ? $0 : nil } ?? EmbeddingEncoder(width: width)
    }

    /// For which encoder the vectors are, in words.
    public var fitting: String {
      switch (label, encoder) {
      case (.clipL?, .clipL?): "SDXL's first text encoder, SD 1.x's"
      case (_, let encoder?): encoder.title
      case (let label?, nil): "\(label.rawValue), but that is \(label.width) wide"
      case (nil, nil): "no published text encoder has this width"
      }
    }
  }

  /// The token, where the file says it; interfaces take the file's name otherwise.
  public let token: String?
  /// The vectors, by encoder.
  public let parts: [Part]
}
