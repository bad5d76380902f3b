internal import KeyLayouts
internal import TensorCore

/// The vectors of an embedding under the names and shapes of another form.
struct EmbeddingTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  private let places: [Int]

  /// - Parameter names: by part, its name in the result.
  init(_ source: any TensorSource, _ parts: [Embedding.Part], named names: [String]) {
    self.source = source
    places = parts.map(\.index)
    // Some readers take the first extent for the number of vectors.
    tensors = zip(parts, names).map { part, name in
      TensorDescription(
        name: name, elementType: part.elementType, shape: [part.vectorCount, part.width])
    }
  }

  func tensor(at index: Int) throws -> TensorView {
    try source.tensor(at: places[index]).described(as: tensors[index])
  }
}
