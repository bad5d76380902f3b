import KeyLayouts
import TensorCore
import Testing

/// The family of a model follows from its names and shapes, at any width.
@Suite struct FamilyTests {
  @Test(arguments: publishedFamilies)
  func bothLayoutsTellTheFamily(name: String, family: Family) throws {
    let fixture = try LayoutFixture(name)
    #expect(try Detection(of: fixture.ldm).family == family)
    #expect(try Detection(of: fixture.diffusers).family == family)
  }

  /// Without a text encoder the U-Net alone has to tell, and without a U-Net the text encoders.
  @Test(arguments: publishedFamilies.filter { !$0.name.hasPrefix("controlnet") })
  func partsTellTheFamily(name: String, family: Family) throws {
    let fixture = try LayoutFixture(name)
    for tensors in [fixture.ldm, fixture.diffusers] {
      let unet = tensors.filter {
        $0.name.hasPrefix("model.diffusion_model.") || $0.name.hasPrefix("unet.")
      }
      #expect(try Detection(of: unet).family == family)
      let texts = tensors.filter {
        ["cond_stage_model.", "conditioner.", "text_encoder"].contains(where: $0.name.hasPrefix)
      }
      let found = try Detection(of: texts).family
      // SDXL's second encoder alone, under diffusers' name, may be the base model's too.
      let isRefiner = family == .stableDiffusionXLRefiner && texts[0].name.hasPrefix("text_")
      #expect(found == (isRefiner ? .stableDiffusionXL : family))
    }
  }

  @Test func twoOfAComponentAreRefused() throws {
    let fixture = try LayoutFixture("digits")
    let extra = fixture.diffusers.filter { $0.name.hasPrefix("unet.") }
    let error = #expect(throws: LayoutError.self) {
      try LayoutReading(of: fixture.ldm + extra)
    }
    #expect(
      error?.description
        == "holds two of the U-Net: names start with 'model.diffusion_model.', and names start with "
        + "'unet.'")
  }

  /// The U-Net of one family beside the text encoder of another.
  @Test func partsOfTwoModelsAreRefused() throws {
    let unet = try LayoutFixture("sd21-base").diffusers.filter { $0.name.hasPrefix("unet.") }
    let text = try LayoutFixture("sdxl-base").diffusers.filter {
      $0.name.hasPrefix("text_encoder.")
    }
    let error = #expect(throws: LayoutError.self) { try LayoutReading(of: unet + text) }
    #expect(
      error?.description
        == "the U-Net attends to texts of width 1024, its text encoder gives 768: parts of two "
        + "models?")
  }

  @Test(arguments: [
    ("control_model.time_embed.0.weight", "a ControlNet"),
    ("lora_controlnet", "a control-LoRA"),
    ("lora_te1_text_model_encoder_layers_0_mlp_fc1.hada_w1_a", "a LoRA"),
    ("lycoris_mid_block_attentions_0_proj_in.lokr_w1", "a LoKr"),
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

  /// The U-Net of one family in the file of another.
  @Test func aTextEncoderInAnotherFamilysPlaceIsRefused() throws {
    let text = try LayoutFixture("sd15").ldm.filter { $0.name.hasPrefix("cond_stage_model.") }
    let unet = try LayoutFixture("sdxl-base").ldm.filter {
      $0.name.hasPrefix("model.diffusion_model.")
    }
    let error = #expect(throws: LayoutError.self) { try LayoutReading(of: unet + text) }
    #expect(
      error?.description
        == "the text encoder is a Stable Diffusion 1.x model's (names start with "
        + "'cond_stage_model.transformer.'), the rest a Stable Diffusion XL model's: parts of two "
        + "models?")
  }

  /// Recognised, split into parts, and left under their own names.
  @Test(arguments: [
    (
      [
        "model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "vae.decoder.conv_in.weight",
        "text_encoders.t5xxl.transformer.shared.weight",
      ], "FLUX.1", ["transformer", "VAE", "T5-XXL"]
    ),
    (["double_blocks.0.img_attn.qkv.weight"], "FLUX.1", ["transformer"]),
    (
      ["transformer.single_transformer_blocks.0.proj_mlp.weight", "x.y"], "FLUX.1",
      ["transformer", "other"]
    ),
    (
      [
        "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight",
        "text_encoders.clip_g.transformer.text_model.final_layer_norm.bias",
      ], "Stable Diffusion 3",
      ["transformer", "CLIP-G"]
    ),
    (
      [
        "transformer.transformer_blocks.0.attn.add_q_proj.bias",
        "text_encoder_3.shared.weight",
      ], "Stable Diffusion 3", ["transformer", "T5-XXL"]
    ),
  ])
  func laterFamiliesAreRecognisedAndListed(
    names: [String], title: String, parts: [String]
  ) throws {
    let tensors = names.map {
      TensorDescription(name: $0, elementType: .float16, shape: [4, 4])
    }
    let model = try #require(ForeignModel(of: tensors))
    #expect(model.title == title)
    #expect(model.parts.map(\.title) == parts)
    #expect(model.parts.flatMap(\.tensors).count == names.count)
    let error = #expect(throws: LayoutError.self) { try LayoutReading(of: tensors) }
    #expect(error?.isAboutFamily == true)
    #expect(
      error?.description == "a \(title) model ('\(names[0])'), whose names stay as they are")
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
