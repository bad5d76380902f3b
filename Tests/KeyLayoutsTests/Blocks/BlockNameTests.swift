import KeyLayouts
import Testing

@Suite struct BlockNameTests {
  /// A block and names that are in it and not in it.
  struct Case: Sendable, CustomTestStringConvertible {
    let block: String
    let inside: [String]
    let outside: [String]
    var testDescription: String { block }
  }

  static let cases = [
    Case(
      block: "unet.down.1", inside: ["unet.down_blocks.1.resnets.0.conv1.weight"],
      outside: ["unet.down_blocks.10.resnets.0.conv1.weight", "unet.up_blocks.1.x.weight"]),
    Case(
      block: "unet.down.1.0",
      inside: [
        "unet.down_blocks.1.resnets.0.conv1.weight", "unet.down_blocks.1.attentions.0.norm.bias",
      ],
      outside: [
        "unet.down_blocks.1.resnets.1.conv1.weight", "unet.down_blocks.1.downsamplers.0.conv.bias",
      ]),
    Case(
      block: "unet.up.2.sample", inside: ["unet.up_blocks.2.upsamplers.0.conv.bias"],
      outside: ["unet.up_blocks.2.resnets.0.conv1.bias"]),
    Case(
      block: "unet.mid", inside: ["unet.mid_block.attentions.0.proj_in.weight"],
      outside: ["vae.decoder.mid_block.resnets.0.conv1.weight"]),
    Case(block: "unet.in", inside: ["unet.conv_in.weight"], outside: ["unet.conv_out.weight"]),
    Case(
      block: "unet.time",
      inside: ["unet.time_embedding.linear_1.weight", "unet.add_embedding.linear_2.bias"],
      outside: ["unet.down_blocks.0.resnets.0.time_emb_proj.weight"]),
    Case(
      block: "unet.out", inside: ["unet.conv_norm_out.weight", "unet.conv_out.bias"],
      outside: ["unet.conv_in.weight"]),
    Case(
      block: "text_encoder", inside: ["text_encoder.text_model.final_layer_norm.weight"],
      outside: ["text_encoder_2.text_model.final_layer_norm.weight"]),
    Case(
      block: "text_encoder_2.3",
      inside: ["text_encoder_2.text_model.encoder.layers.3.mlp.fc1.weight"],
      outside: ["text_encoder_2.text_model.encoder.layers.30.mlp.fc1.weight"]),
    Case(
      block: "vae.decoder",
      inside: ["vae.decoder.conv_in.weight", "vae.post_quant_conv.bias"],
      outside: ["vae.quant_conv.bias"]),
    Case(
      block: "unet.mid_block.attentions.0", inside: ["unet.mid_block.attentions.0.norm.weight"],
      outside: ["unet.mid_block.resnets.0.norm1.weight"]),
  ]

  @Test(arguments: cases)
  func aBlockCoversItsModules(_ expected: Case) {
    let ratios = BlockRatios(0.25, blocks: [(BlockName(expected.block), 0.75)])
    for name in expected.inside { #expect(ratios.ratio(of: name) == 0.75, "\(name)") }
    for name in expected.outside { #expect(ratios.ratio(of: name) == 0.25, "\(name)") }
    #expect(ratios.unused(among: expected.inside).isEmpty)
    #expect(ratios.unused(among: expected.outside).map(\.description) == [expected.block])
  }

  @Test func theClosestNameCounts() {
    let ratios = BlockRatios(
      0,
      blocks: [
        (BlockName("unet.down.0.1"), 0.3), (BlockName("unet"), 0.1),
        (BlockName("unet.down.0"), 0.2),
      ])
    #expect(ratios.ratio(of: "unet.down_blocks.0.resnets.1.conv1.weight") == 0.3)
    #expect(ratios.ratio(of: "unet.down_blocks.0.resnets.0.conv1.weight") == 0.2)
    #expect(ratios.ratio(of: "unet.conv_in.weight") == 0.1)
    #expect(ratios.ratio(of: "vae.encoder.conv_in.weight") == 0)
  }
}
