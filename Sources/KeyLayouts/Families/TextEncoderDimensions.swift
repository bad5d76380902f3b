internal import TensorCore

/// The sizes of a CLIP text encoder, read from its tensors.
struct TextEncoderDimensions: Sendable, Hashable {
  let component: Component
  let vocabulary: Int
  let positions: Int
  let width: Int
  let innerWidth: Int
  let layers: Int
  /// The width of the projected text; `nil` in an encoder that projects nothing.
  let projectionWidth: Int?

  init(component: Component, names: Names, measures: Measures) throws(LayoutError) {
    self.component = component
    let prefix = component.prefix + "text_model."
    let tokens = prefix + "embeddings.token_embedding.weight"
    vocabulary = try measures.extent(0, of: tokens)
    width = try measures.extent(1, of: tokens)
    positions = try measures.extent(0, of: prefix + "embeddings.position_embedding.weight")
    innerWidth = try measures.extent(0, of: prefix + "encoder.layers.0.mlp.fc1.weight")
    layers = names.count(below: prefix + "encoder.layers")
    let projection = component.prefix + "text_projection.weight"
    projectionWidth =
      component == .textEncoder2 && measures.has(projection)
      ? try measures.extent(0, of: projection) : nil
  }

  /// Every tensor the text encoder must have.
  var expected: [(name: String, shape: TensorShape)] {
    var shapes = Shapes(prefix: component.prefix + "text_model.")
    shapes.module("embeddings.token_embedding", [vocabulary, width], hasBias: false)
    shapes.module("embeddings.position_embedding", [positions, width], hasBias: false)
    for layer in 0..<layers {
      let name = "encoder.layers.\(layer)"
      for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
        shapes.module("\(name).self_attn.\(projection)", [width, width])
      }
      shapes.module("\(name).layer_norm1", [width])
      shapes.module("\(name).mlp.fc1", [innerWidth, width])
      shapes.module("\(name).mlp.fc2", [width, innerWidth])
      shapes.module("\(name).layer_norm2", [width])
    }
    shapes.module("final_layer_norm", [width])
    guard let projectionWidth else { return shapes.list }
    var projection = Shapes(prefix: component.prefix)
    projection.module("text_projection", [projectionWidth, width], hasBias: false)
    return shapes.list + projection.list
  }
}
