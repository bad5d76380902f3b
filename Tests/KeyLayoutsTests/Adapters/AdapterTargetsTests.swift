import KeyLayouts
import TensorCore
import Testing

@Suite struct AdapterTargetsTests {
  private func targets(
    _ names: [String], originals: [String: String] = [:]
  ) -> AdapterTargets {
    AdapterTargets(
      names.map { TensorDescription(name: $0, elementType: .float16, shape: [2, 2]) },
      originals: originals)
  }

  private func module(_ name: String) throws -> AdapterModuleName {
    try #require(AdapterKey(name + ".alpha")).module
  }

  /// Underscores could be dots or not: `a_b.c` and `a.b_c` are told by what the model has.
  @Test func flatNamesAreResolvedAgainstTheModel() throws {
    let one = targets(["unet.a_b.c.weight"])
    let other = targets(["unet.a.b_c.weight"])
    let name = try module("lora_unet_a_b_c")
    #expect(try one.target(of: name).module == "unet.a_b.c")
    #expect(try other.target(of: name).module == "unet.a.b_c")
    let both = targets(["unet.a_b.c.weight", "unet.a.b_c.weight"])
    let miss = #expect(throws: AdapterTargets.Miss.self) { try both.target(of: name) }
    #expect(miss == .ambiguous(["unet.a_b.c", "unet.a.b_c"]))
  }

  @Test func originalNamesStandForModulesToo() throws {
    let targets = targets(
      ["unet.down_blocks.0.attentions.0.proj_in.weight", "unet.conv_in.bias"],
      originals: [
        "unet.down_blocks.0.attentions.0.proj_in.weight":
          "model.diffusion_model.input_blocks.1.1.proj_in.weight",
        "unet.conv_in.bias": "model.diffusion_model.input_blocks.0.0.bias",
      ])
    for name in [
      "lora_unet_input_blocks_1_1_proj_in", "diffusion_model.input_blocks.1.1.proj_in",
      "lora_unet_down_blocks_0_attentions_0_proj_in",
      "unet.down_blocks.0.attentions.0.proj_in", "down_blocks.0.attentions.0.proj_in",
      "lycoris_down_blocks_0_attentions_0_proj_in",
      "lycoris_unet_down_blocks_0_attentions_0_proj_in",
    ] {
      let found = try targets.target(of: try module(name))
      #expect(found.module == "unet.down_blocks.0.attentions.0.proj_in", "\(name)")
      #expect(found.weight != nil && found.bias == nil)
    }
    let bias = try targets.target(of: try module("lora_unet_input_blocks_0_0"))
    #expect(bias.module == "unet.conv_in" && bias.weight == nil && bias.bias != nil)
  }

  @Test func textEncodersAreFoundWithAndWithoutTheirLevel() throws {
    let layer = "encoder.layers.0.mlp.fc1"
    let targets = targets([
      "text_encoder.text_model.\(layer).weight", "text_encoder_2.text_model.\(layer).weight",
      "text_encoder_2.text_projection.weight",
    ])
    for (name, expected) in [
      ("text_encoder.\(layer)", "text_encoder.text_model.\(layer)"),
      ("text_encoder_2.text_model.\(layer)", "text_encoder_2.text_model.\(layer)"),
      ("lora_te_text_model_encoder_layers_0_mlp_fc1", "text_encoder.text_model.\(layer)"),
      ("lora_te1_encoder_layers_0_mlp_fc1", "text_encoder.text_model.\(layer)"),
      ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "text_encoder_2.text_model.\(layer)"),
      ("lora_te2_text_projection", "text_encoder_2.text_projection"),
      ("te.\(layer)", "text_encoder.text_model.\(layer)"),
      ("te1.text_model.\(layer)", "text_encoder.text_model.\(layer)"),
      ("te.1.text_model.\(layer)", "text_encoder_2.text_model.\(layer)"),
      ("te2.text_projection", "text_encoder_2.text_projection"),
      ("lora_te1.text_model.\(layer)", "text_encoder.text_model.\(layer)"),
      ("clip_g.text_model.\(layer)", "text_encoder_2.text_model.\(layer)"),
    ] {
      #expect(try targets.target(of: try module(name)).module == expected, "\(name)")
    }
  }

  /// Without a prefix, the shape decides between two text encoders.
  @Test func shapesDecideBetweenEncoders() throws {
    let layer = "text_model.encoder.layers.0.mlp.fc1"
    let targets = AdapterTargets([
      TensorDescription(
        name: "text_encoder.\(layer).weight", elementType: .float16, shape: [8, 2]),
      TensorDescription(
        name: "text_encoder_2.\(layer).weight", elementType: .float16, shape: [16, 4]),
    ])
    let name = try module("base_model.model.\(layer)")
    let found = try targets.target(of: name) { $0.weight?.shape == [16, 4] }
    #expect(found.module == "text_encoder_2.\(layer)")
    let miss = #expect(throws: AdapterTargets.Miss.self) { try targets.target(of: name) }
    #expect(miss == .ambiguous(["text_encoder.\(layer)", "text_encoder_2.\(layer)"]))
  }

  /// SDXL's refiner has the second text encoder only, and kohya's trainer calls it the first.
  @Test func aLoneSecondEncoderIsMeantByTheFirstPrefix() throws {
    let targets = targets(["text_encoder_2.text_model.a.weight"])
    let found = try targets.target(of: try module("lora_te_text_model_a"))
    #expect(found.module == "text_encoder_2.text_model.a")
  }

  @Test func aMissNamesTheNearestModule() throws {
    let targets = targets(["unet.mid_block.attentions.0.proj_in.weight", "unet.conv_in.weight"])
    let miss = #expect(throws: AdapterTargets.Miss.self) {
      try targets.target(of: try module("lora_unet_mid_block_attentions_1_proj_in"))
    }
    #expect(miss == .unknown(nearest: "unet.mid_block.attentions.0.proj_in"))
    let none = #expect(throws: AdapterTargets.Miss.self) {
      try targets.target(of: try module("lora_te_x"))
    }
    #expect(none == .absent(component: "text_encoder"))
  }
}
