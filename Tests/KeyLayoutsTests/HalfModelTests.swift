import KeyLayouts
import TensorCore
import Testing

/// Half a model, and parts of two: one line that says which.
@Suite struct HalfModelTests {
  private static let unet = "model.diffusion_model."
  private static let vae = "first_stage_model."

  private func message(_ tensors: [TensorDescription]) -> String? {
    do {
      try LayoutReading(of: tensors).requireWhole(origin: "a.ckpt")
      return nil
    } catch { return "\(error)" }
  }

  /// What is left out, and the start of the line.
  @Test(arguments: [
    (
      "sd15", [unet + "output_blocks.", unet + "out."],
      "tensor 'model.diffusion_model.out.2.weight' is missing: the model's size is unknown"
    ),
    (
      "sd15", [unet + "input_blocks."],
      "tensor 'model.diffusion_model.input_blocks.0.0.weight' is missing: the model's size is unknown"
    ),
    (
      "sdxl-base", [unet + "label_emb."],
      "tensor 'model.diffusion_model.label_emb.0.0.weight' is missing: the model's size is unknown"
    ),
    (
      "sd15", [vae + "quant_conv."],
      "a.ckpt: tensor 'first_stage_model.quant_conv.weight' [8, 8, 1, 1] is missing, and 1 more"
    ),
    (
      "sd15", [vae + "post_quant_conv."],
      "a.ckpt: tensor 'first_stage_model.post_quant_conv.weight' [4, 4, 1, 1] is missing, and 1 more"
    ),
    (
      "sd15", [vae + "encoder."],
      "tensor 'first_stage_model.encoder.conv_in.weight' is missing: the model's size is unknown"
    ),
  ])
  func whatIsMissingIsNamed(model: String, fronts: [String], text: String) throws {
    let sound = try LayoutFixture(model).ldm
    let half = sound.filter { tensor in !fronts.contains { tensor.name.hasPrefix($0) } }
    try #require(half.count < sound.count)
    #expect(message(half)?.hasPrefix(text) == true, "\(message(half) ?? "none")")
  }

  /// Without a projection into it, attention is a linear layer's all the same.
  @Test func theMissingProjectionHasTheShapeOfTheOther() throws {
    let sound = try LayoutFixture("sdxl-base").ldm
    let half = sound.filter { !$0.name.contains(".proj_in.weight") }
    #expect(
      message(half)?.contains(".proj_in.weight' [640, 640] is missing") == true,
      "\(message(half) ?? "none")")
  }

  /// A tensor that tells a size, under a name with a slip.
  @Test func theNearestNameOfATensorThatTellsASizeIsTold() throws {
    let sound = try LayoutFixture("sd15").ldm
    let odd = sound.map { tensor in
      var tensor = tensor
      if tensor.name == Self.unet + "input_blocks.0.0.weight" { tensor.name += "s" }
      return tensor
    }
    #expect(
      message(odd)
        == "tensor 'model.diffusion_model.input_blocks.0.0.weight' is missing: the model's size is "
        + "unknown; the nearest that is there is 'model.diffusion_model.input_blocks.0.0.weights'")
  }

  @Test func latentsOfAnotherModelAreRefused() throws {
    let sound = try LayoutFixture("sd15").ldm
    let wider = sound.map { tensor in
      var tensor = tensor
      switch tensor.name {
      case Self.vae + "decoder.conv_in.weight": tensor.shape = [512, 16, 3, 3]
      case Self.vae + "encoder.conv_out.weight": tensor.shape = [32, 512, 3, 3]
      case Self.vae + "encoder.conv_out.bias": tensor.shape = [32]
      case Self.vae + "quant_conv.weight": tensor.shape = [32, 32, 1, 1]
      case Self.vae + "quant_conv.bias": tensor.shape = [32]
      case Self.vae + "post_quant_conv.weight": tensor.shape = [16, 16, 1, 1]
      case Self.vae + "post_quant_conv.bias": tensor.shape = [16]
      default: break
      }
      return tensor
    }
    #expect(
      message(wider)
        == "the U-Net takes 4 channels and predicts latents of 4, the VAE's have 16: parts of two "
        + "models?")
    // The VAE alone is as good as any.
    let alone = wider.filter { $0.name.hasPrefix(Self.vae) }
    #expect(message(alone) == nil)
    #expect(
      try LayoutReading(of: alone).remarks == [
        "the VAE's latents have 16 channels, and nothing says how they are scaled and shifted: "
          + "--config settles it"
      ])
  }

  /// The pooled text and six embedded numbers, in the refiner five.
  @Test(arguments: [
    ("sdxl-base", 5, "[1280, 5], expected [1280, 2816]", false),
    ("sdxl-base", 2817, nil, true), ("sdxl-base", 1280 + 6 * 64, nil, false),
    ("sdxl-refiner", 1280, "[1536, 1280], expected [1536, 2560]", false),
  ])
  func conditionsHoldThePooledText(
    model: String, width: Int, text: String?, isOdd: Bool
  ) throws {
    let name = Self.unet + "label_emb.0.0.weight"
    let other = try LayoutFixture(model).ldm.map { tensor in
      var tensor = tensor
      if tensor.name == name { tensor.shape = [tensor.shape[0], width] }
      return tensor
    }
    #expect(message(other) == text.map { "tensor '\(name)' is \($0)" })
    guard text == nil else { return }
    let remarks = try LayoutReading(of: other).remarks
    #expect(remarks.contains { $0.contains("addition_time_embed_dim") } == isOdd)
  }

  @Test func aModelOfAnotherKindInTheSameFileIsSaid() throws {
    let extra = TensorDescription(
      name: "double_blocks.0.img_attn.qkv.weight", elementType: .float16, shape: [4, 4])
    #expect(
      message(try LayoutFixture("sd15").ldm + [extra])
        == "holds a Stable Diffusion model's U-Net (names start with 'model.diffusion_model.') and a "
        + "FLUX.1 model ('double_blocks.0.img_attn.qkv.weight'): two models in one file?")
  }

  @Test(arguments: [
    ("conditioner.embedders.0.", "a.ckpt: has no text encoder"),
    ("conditioner.embedders.1.", "a.ckpt: has no second text encoder"),
  ])
  func oneOfTwoTextEncodersIsNotEnough(front: String, text: String) throws {
    let half = try LayoutFixture("sdxl-base").ldm.filter { !$0.name.hasPrefix(front) }
    let reading = try LayoutReading(of: half)
    let error = #expect(throws: LayoutError.self) {
      try reading.requireBothTextEncoders(origin: "a.ckpt")
    }
    #expect(error?.description == text)
    let none = try LayoutReading(of: half.filter { !$0.name.hasPrefix("conditioner.") })
    try none.requireBothTextEncoders(origin: "a.ckpt")
  }

  @Test func aMiddleThatIsNotThereIsRemarked() throws {
    let half = try LayoutFixture("sd15").ldm.filter { !$0.name.contains("middle_block.") }
    #expect(
      try LayoutReading(of: half).remarks == [
        "the U-Net has no middle block, as some distilled ones"
      ])
  }
}
