import KeyLayouts
import TensorCore
import Testing

/// Models of other families are told apart and refused by name.
@Suite struct FamilyTests {
  @Test(arguments: [
    ("conditioner.embedders.0.transformer.x", [1], Family.stableDiffusionXL),
    ("text_encoder_2.text_model.final_layer_norm.bias", [1280], .stableDiffusionXL),
    ("model.diffusion_model.label_emb.0.0.weight", [1280, 2816], .stableDiffusionXL),
    ("cond_stage_model.model.transformer.resblocks.0.ln_1.bias", [1024], .stableDiffusion2),
  ])
  func otherFamiliesAreNamed(name: String, shape: [Int], family: Family) throws {
    let extra = TensorDescription(name: name, elementType: .float16, shape: TensorShape(shape))
    let tensors = try LayoutFixture("digits").ldm + [extra]
    let error = try #require(throws: LayoutError.self) { try LayoutReading(of: tensors) }
    guard case .unsupportedFamily(family, _) = error.problem else {
      Issue.record("\(error)")
      return
    }
    #expect(error.isAboutFamily)
  }

  @Test func theLineSaysWhichFamilyAndWhy() throws {
    let extra = TensorDescription(
      name: "conditioner.embedders.0.transformer.x", elementType: .float16, shape: [1])
    let error = #expect(throws: LayoutError.self) {
      try LayoutReading(of: LayoutFixture("digits").ldm + [extra])
    }
    #expect(
      error?.description
        == "a Stable Diffusion XL model (names start with 'conditioner.embedders.'); only Stable "
        + "Diffusion 1.x is supported")
  }

  /// Widths that belong to one family, in a U-Net or a text encoder alone.
  @Test(arguments: [
    ("attn2.to_k.weight", 1024, Family.stableDiffusion2),
    ("attn2.to_k.weight", 2048, .stableDiffusionXL),
    ("attn2.to_k.weight", 1280, .stableDiffusionXL),
    ("embeddings.token_embedding.weight", 1024, .stableDiffusion2),
    ("embeddings.token_embedding.weight", 1280, .stableDiffusionXL),
  ])
  func widthsTellTheFamily(tail: String, width: Int, family: Family) throws {
    let part = tail.hasPrefix("attn2") ? "unet." : "text_encoder."
    let tensors = try LayoutFixture("sd15").diffusers.filter { $0.name.hasPrefix(part) }.map {
      var tensor = $0
      if tensor.name.hasSuffix(tail) { tensor.shape = [tensor.shape[0], width] }
      return tensor
    }
    let error = try #require(throws: LayoutError.self) { try LayoutReading(of: tensors) }
    guard case .unsupportedFamily(family, _) = error.problem else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func linearProjectionsAreLaterFamilies() throws {
    let tensors = try LayoutFixture("digits").diffusers.map {
      var tensor = $0
      if tensor.name.hasSuffix(".proj_in.weight") {
        tensor.shape = [tensor.shape[0], tensor.shape[1]]
      }
      return tensor
    }
    let error = try #require(throws: LayoutError.self) { try LayoutReading(of: tensors) }
    #expect(error.description.hasPrefix("a Stable Diffusion 2.x model ('unet.down_blocks."))
    #expect(error.isAboutFamily)
  }

  @Test(arguments: [
    ("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "Flux"),
    ("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", "Stable Diffusion 3"),
    ("control_model.time_embed.0.weight", "a ControlNet"),
    ("controlnet_cond_embedding.conv_in.weight", "a ControlNet"),
    ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", "a LoRA"),
    ("unet.mid_block.attentions.0.proj_in.lora_A.weight", "a LoRA"),
  ])
  func modelsWithoutATableAreHintedAt(name: String, kind: String) throws {
    let tensor = TensorDescription(name: name, elementType: .float16, shape: [4, 4])
    let error = try #require(throws: LayoutError.self) { try LayoutReading(of: [tensor]) }
    #expect(
      error.description == "not a model of a known family: '\(name)' looks like \(kind)")
    #expect(error.isAboutFamily)
  }

  @Test func defectsAreNotAboutTheFamily() throws {
    let tensors = try LayoutFixture("digits").ldm.filter {
      $0.name != "model.diffusion_model.input_blocks.0.0.weight"
    }
    let error = try #require(throws: LayoutError.self) { try LayoutReading(of: tensors) }
    #expect(!error.isAboutFamily)
    #expect(
      error.description
        == "tensor 'model.diffusion_model.input_blocks.0.0.weight' is missing: the model's size is "
        + "unknown"
    )
  }

  @Test func anythingElseIsUnknown() throws {
    let tensor = TensorDescription(name: "a.b", elementType: .float16, shape: [4])
    let error = #expect(throws: LayoutError.self) { try LayoutReading(of: [tensor]) }
    #expect(error?.description == "not a model of a known family: first tensor 'a.b'")
    let empty = #expect(throws: LayoutError.self) { try LayoutReading(of: []) }
    #expect(empty?.description == "not a model of a known family: no tensors")
  }
}
