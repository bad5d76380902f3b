import KeyLayouts
import TensorCore
import Testing

/// The number of heads that the family's rule gives divides the width: nothing could load it otherwise.
@Suite struct HeadCountTests {
  @Test(arguments: [(64, 1), (200, 2), (320, 5), (192, 3), (96, 1), (260, 4), (454, 2)])
  func headsFillEveryWidth(width: Int, heads: Int) throws {
    let layer = "text_model.encoder.layers.0."
    var tensors: [TensorDescription] = [
      TensorDescription(
        name: "text_model.embeddings.token_embedding.weight", elementType: .float16,
        shape: [100, width]),
      TensorDescription(
        name: "text_model.embeddings.position_embedding.weight", elementType: .float16,
        shape: [77, width]),
    ]
    func add(_ name: String, _ shape: TensorShape) {
      tensors.append(TensorDescription(name: name, elementType: .float16, shape: shape))
    }
    for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
      add("\(layer)self_attn.\(part).weight", [width, width])
      add("\(layer)self_attn.\(part).bias", [width])
    }
    add("\(layer)mlp.fc1.weight", [4 * width, width])
    add("\(layer)mlp.fc1.bias", [4 * width])
    add("\(layer)mlp.fc2.weight", [width, 4 * width])
    add("\(layer)mlp.fc2.bias", [width])
    for norm in ["\(layer)layer_norm1", "\(layer)layer_norm2", "text_model.final_layer_norm"] {
      add("\(norm).weight", [width])
      add("\(norm).bias", [width])
    }
    let reading = try LayoutReading(of: tensors)
    #expect(reading.configurations["text_encoder"]?["num_attention_heads"] == .integer(heads))
  }
}
