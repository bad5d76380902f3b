internal import TensorCore

/// The sizes of a CLIP text encoder, read from its tensors.
struct TextEncoderDimensions: Sendable, Hashable {
  static let prefix = "text_encoder.text_model."

  let vocabulary: Int
  let positions: Int
  let width: Int
  let innerWidth: Int
  let layers: Int

  init(names: Names, measures: Measures) throws(LayoutError) {
    let tokens = Self.prefix + "embeddings.token_embedding.weight"
    vocabulary = try measures.extent(0, of: tokens)
    width = try measures.extent(1, of: tokens)
    positions = try measures.extent(0, of: Self.prefix + "embeddings.position_embedding.weight")
    innerWidth = try measures.extent(0, of: Self.prefix + "encoder.layers.0.mlp.fc1.weight")
    layers = names.count(after: Self.prefix + "encoder.layers.")
  }

  /// Every tensor the text encoder must have.
  var expected: [(name: String, shape: TensorShape)] {
    var shapes = Shapes(prefix: Self.prefix)
    shapes.module("embeddings.token_embedding", [vocabulary, width], hasBias: false)
    shapes.module("embeddings.position_embedding", [positions, width], hasBias: false)
    for layer in 0..<layers {
      let name = "encoder.layers.\(layer)"
      for projection in ["k_proj", "v_proj", "q_proj", "out_proj"] {
        shapes.module("\(name).self_attn.\(projection)", [width, width])
      }
      shapes.module("\(name).layer_norm1", [width])
      shapes.module("\(name).mlp.fc1", [innerWidth, width])
      shapes.module("\(name).mlp.fc2", [width, innerWidth])
      shapes.module("\(name).layer_norm2", [width])
    }
    shapes.module("final_layer_norm", [width])
    return shapes.list
  }
}
