public import KeyLayouts
public import TensorCore

extension EmbeddingFile {
  /// The embeddings for machines.
  public var json: JSON {
    [
      "form": .string(form.rawValue), "certain": .bool(isCertain),
      "embeddings": .array(
        embeddings.map { embedding in
          [
            "token": embedding.token.map { .string($0) } ?? .null,
            "parts": .array(embedding.parts.map(\.json)),
          ]
        }),
      "others": .array(others.map { .string($0) }),
    ]
  }
}

extension Embedding.Part {
  fileprivate var json: JSON {
    [
      "label": label.map { .string($0.rawValue) } ?? .null,
      "encoder": encoder.map { .string($0.rawValue) } ?? .null,
      "vectors": .integer(vectorCount), "width": .integer(width),
      "dtype": .string(elementType.name), "fits": .string(fitting),
    ]
  }
}
