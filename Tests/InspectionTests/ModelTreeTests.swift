import TensorCore
import Testing

@testable import Inspection

@Suite struct ModelTreeTests {
  private static func tensors(_ names: [String]) -> [TensorDescription] {
    names.enumerated().map {
      TensorDescription(name: $1, elementType: .float16, shape: [$0 + 1, 4])
    }
  }

  private static let names = [
    "unet.up_blocks.10.conv.weight", "unet.up_blocks.2.conv.weight", "unet.conv_in.weight",
    "unet.mid_block.attentions.0.proj_in.weight", "vae.decoder.conv_in.weight",
  ]

  @Test func blocksStandAsDataFlowsAndNumbersByTheirValue() {
    let tree = ModelTree(Self.tensors(Self.names), depth: 2)
    #expect(tree.root.children.map(\.title) == ["unet", "vae"])
    #expect(
      tree.root.children[0].children.map(\.title)
        == ["conv_in", "mid_block", "up_blocks.2", "up_blocks.10"])
    #expect(tree.root.children[0].children[3].path == "unet.up_blocks.10")
  }

  @Test func nodesAddUpWhatIsBelow() {
    let tree = ModelTree(Self.tensors(Self.names), depth: 9)
    let unet = tree.root.children[0]
    #expect(unet.tensorCount == 4)
    #expect(unet.parameterCount == 4 * (1 + 2 + 3 + 4))
    #expect(unet.byteCount == 2 * unet.parameterCount)
    #expect(unet.elementTypes == [.float16])
    #expect(unet.children.reduce(0) { $0 + $1.byteCount } == unet.byteCount)
    #expect(ModelTree(Self.tensors(Self.names), depth: 0).root.children.isEmpty)
  }

  @Test func whatIsLeftBehindStandsByItself() {
    let names = [
      "unet.conv_in.weight", "betas", "text_encoder.text_model.encoder.layers.0.mlp.fc1.bias",
    ]
    let tree = ModelTree(Self.tensors(names), depth: 2) { $0.name == "betas" }
    #expect(tree.root.children.map(\.title) == ["unet", "left behind", "text_encoder"])
    #expect(tree.root.children[1].children.map(\.title) == ["betas"])
    #expect(tree.root.children[2].children.map(\.title) == ["layers.0"])
  }

  @Test(arguments: [
    (ModelTree.Order.name, ["conv_in", "mid_block", "up_blocks.10", "up_blocks.2"]),
    (.size, ["mid_block", "conv_in", "up_blocks.2", "up_blocks.10"]),
  ])
  func ordersAreByNameOrSize(order: ModelTree.Order, expected: [String]) {
    let tree = ModelTree(Self.tensors(Self.names), depth: 2, order: order)
    #expect(tree.root.children.first { $0.title == "unet" }?.children.map(\.title) == expected)
  }

  @Test(arguments: [
    (
      "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight",
      "unet", "down_blocks.1", LayerKind.crossAttention
    ),
    ("unet.mid_block.resnets.0.conv1.weight", "unet", "mid_block", .convolution),
    ("unet.time_embedding.linear_1.bias", "unet", "time_embedding", .timeEmbedding),
    ("unet.up_blocks.3.resnets.2.norm1.weight", "unet", "up_blocks.3", .norm),
    ("unet.conv_in.weight", "unet", "conv_in", .convolution),
    (
      "text_encoder.text_model.encoder.layers.11.mlp.fc1.weight", "text_encoder", "layers.11",
      .feedForward
    ),
    (
      "text_encoder.text_model.embeddings.token_embedding.weight", "text_encoder", "embeddings",
      .tokenEmbedding
    ),
    ("text_encoder_2.text_projection.weight", "text_encoder_2", "text_projection", .projection),
    ("vae.decoder.up_blocks.2.resnets.0.conv1.weight", "vae", "decoder.up_blocks.2", .convolution),
    ("vae.encoder.mid_block.attentions.0.to_q.weight", "vae", "encoder.mid_block", .selfAttention),
    ("alone", "", "alone", .other),
  ])
  func placesAreToldByName(name: String, component: String, block: String, kind: LayerKind) {
    let place = TensorPlace(of: name)
    #expect(place.component == component)
    #expect(place.block == block)
    #expect(place.kind == kind)
  }

  /// An adapter's modules are sorted into the model that they work on.
  @Test(arguments: [
    ("lora_unet_down_blocks_1_attentions_0_proj_in.lora_down.weight", "unet", "down_blocks.1"),
    (
      "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.hada_w1_a", "unet",
      "mid_block"
    ),
    ("lora_unet_input_blocks_4_1_proj_in.alpha", "unet", "input_blocks.4"),
    ("lora_unet_middle_block_1_proj_in.lora_up.weight", "unet", "middle_block"),
    (
      "lora_te2_text_model_encoder_layers_11_mlp_fc1.lora_up.weight", "text_encoder_2",
      "layers.11"
    ),
    ("unet.up_blocks.2.resnets.0.conv1.lora_A.weight", "unet", "up_blocks.2"),
    (
      "text_encoder.text_model.encoder.layers.3.self_attn.q_proj.lora_linear_layer.up.weight",
      "text_encoder", "layers.3"
    ),
    ("lora_unet_conv_in.lokr_w1", "unet", "conv_in"),
    ("unet.up_blocks.2.resnets.0.conv1.weight", "unet", "up_blocks.2"),
  ])
  func adaptersAreSortedIntoTheirModel(name: String, component: String, block: String) {
    let place = TensorPlace(of: name)
    #expect(place.component == component && place.block == block)
    let tensor = TensorDescription(name: name, elementType: .float16, shape: [4])
    let tree = ModelTree([tensor], depth: 2)
    #expect(tree.root.children.map(\.title) == [component])
    #expect(tree.root.children.first?.children.map(\.title) == [block])
  }
}
