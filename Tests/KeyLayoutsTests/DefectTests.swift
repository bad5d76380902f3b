import KeyLayouts
import TensorCore
import Testing

@Suite struct DefectTests {
  private let tensors: [TensorDescription]

  init() throws { tensors = try LayoutFixture("digits").ldm }

  @Test func aMissingTensorIsNamedWithItsShape() throws {
    let name = "model.diffusion_model.middle_block.0.in_layers.2.bias"
    let reading = try LayoutReading(of: tensors.filter { $0.name != name })
    #expect(
      Self.message { try reading.requireWhole(origin: "digits.ckpt") }
        == "digits.ckpt: tensor '\(name)' [96] is missing")
  }

  @Test func aMisshapenTensorIsNamedWithBothShapes() throws {
    var tensors = tensors
    let place = try #require(
      tensors.firstIndex { $0.name == "model.diffusion_model.time_embed.2.bias" })
    tensors[place].shape = [255]
    let reading = try LayoutReading(of: tensors)
    #expect(
      Self.message { try reading.requireWhole(origin: "digits.ckpt") }
        == "digits.ckpt: tensor 'model.diffusion_model.time_embed.2.bias' is [255], expected [256]")
  }

  @Test func aMisshapenProjectionIsShownAsTheFileHasIt() throws {
    var tensors = tensors
    let name = "first_stage_model.decoder.mid.attn_1.q.weight"
    let place = try #require(tensors.firstIndex { $0.name == name })
    let shape = tensors[place].shape
    tensors[place].shape = TensorShape([shape[0] / 2, shape[1], 1, 1])
    let reading = try LayoutReading(of: tensors)
    #expect(
      Self.message { try reading.requireWhole(origin: "digits.ckpt") }
        == "digits.ckpt: tensor '\(name)' is \(tensors[place].shape), expected \(shape)")
  }

  @Test func twoTensorsForOneTargetAreRefused() {
    let bare = "cond_stage_model.transformer.final_layer_norm.bias"
    let extra = TensorDescription(name: bare, elementType: .float16, shape: [64])
    #expect(
      Self.message { _ = try LayoutReading(of: tensors + [extra]) }
        == "tensors 'cond_stage_model.transformer.text_model.final_layer_norm.bias' and '\(bare)' "
        + "both stand for 'text_encoder.text_model.final_layer_norm.bias'")
  }

  @Test func unknownAndLeftBehindTensorsAreCounted() throws {
    let ledger = try LayoutReading(of: tensors + Self.scalars(["something.else"])).ledger
    #expect(ledger.unexplained == ["something.else"])
    #expect(ledger.ignored.map(\.reason) == ["schedule buffer", "position ids"])
    #expect(ledger.ignored.map(\.count) == [12, 1])
  }

  @Test(arguments: [
    ("model_ema.decay", "EMA copy"), ("model_ema.diffusion_modeltime_embed0weight", "EMA copy"),
    ("logit_scale", "CLIP comparison"),
    ("cond_stage_model.transformer.text_projection.weight", "CLIP comparison"),
    ("cond_stage_model.transformer.text_model.text_projection", "CLIP comparison"),
    ("cond_stage_model.logit_scale", "CLIP comparison"),
    ("optimizer_states.0.state.0.exp_avg", "optimizer state"),
    ("callbacks.EarlyStopping.best_score", "Lightning leftover"),
    ("lr_schedulers.0.base_lrs", "Lightning leftover"),
    ("loops.fit_loop.state_dict.x", "Lightning leftover"),
    ("safety_checker.concept_embeds", "safety checker"),
  ])
  func whatAPictureDoesNotNeedIsIgnoredForAReason(name: String, reason: String) throws {
    let isCarried = ["CLIP comparison", "safety checker"].contains(reason)
    let plain = try LayoutReading(of: tensors).ledger
    let ledger = try LayoutReading(of: tensors + Self.scalars([name])).ledger
    #expect(ledger.unexplained == [])
    // What cannot be made again travels along.
    let carried = Self.scalars(["original." + name])[0]
    #expect(
      ledger.entries.last?.fate
        == (isCarried ? .mapped(to: carried) : .ignored(reason: reason)))
    let folder = ledger.followed(
      by: try LayoutReading.ledger(
        writing: ledger.targets.map(\.description), as: .diffusers, of: .stableDiffusion1,
        isFolder: true))
    let isCompanion = reason == "safety checker"
    #expect(
      folder.entries.last?.fate
        == (isCompanion ? .mapped(to: Self.scalars([name])[0]) : .ignored(reason: reason)))
    let targets = ledger.targets.map(\.description).filter { !$0.name.hasPrefix("original.") }
    #expect(targets == plain.targets.map(\.description))
  }

  @Test(arguments: ["optimizer_statesx.0", "lossless.weight", "my_logit_scale", "loopsy.a"])
  func namesThatOnlyResembleThemAreUnexplained(name: String) throws {
    #expect(try LayoutReading(of: tensors + Self.scalars([name])).ledger.unexplained == [name])
  }

  /// What the way up shows of the levels counts too, and the other way round.
  @Test(arguments: [
    ("input_blocks.4.0.op.", "input_blocks.4.0.op.weight"),
    ("output_blocks.3.2.conv.", "output_blocks.3.2.conv.weight"),
    ("input_blocks.7.", "input_blocks.7.0.in_layers.2.weight"),
    ("output_blocks.7.", "output_blocks.7.0.in_layers.0.weight"),
  ])
  func aBlockThatOneDirectionLacksIsMissing(part: String, missing: String) throws {
    let prefix = "model.diffusion_model."
    let holed = tensors.filter { !$0.name.hasPrefix(prefix + part) }
    try #require(holed.count < tensors.count)
    let message = Self.message { try LayoutReading(of: holed).requireWhole(origin: "a.ckpt") }
    #expect(message?.contains("tensor '\(prefix)\(missing)' ") == true, "\(message ?? "")")
    #expect(message?.contains("is missing") == true)
  }

  @Test func aLevelWithoutBlocksIsSaid() {
    let holed = tensors.filter {
      !["input_blocks.1.", "input_blocks.2.", "output_blocks."].contains(where: $0.name.contains)
    }
    let moved = holed.map { tensor in
      var tensor = tensor
      if tensor.name.contains("input_blocks.4.0.op.") {
        tensor.name = tensor.name.replacing("input_blocks.4.", with: "input_blocks.1.")
      }
      return tensor
    }
    #expect(
      Self.message { _ = try LayoutReading(of: moved) }
        == "the U-Net's blocks do not add up to levels: is one missing?")
  }

  /// Without its way up a U-Net is half a model and not a ControlNet.
  @Test(arguments: ["output_blocks.", "up_blocks."])
  func halfAUNetIsMissed(part: String) throws {
    let whole = part == "up_blocks." ? try LayoutFixture("digits").diffusers : tensors
    let half = whole.filter { !$0.name.contains(part) || $0.name.hasPrefix("vae.") }
    let message = Self.message { try LayoutReading(of: half).requireWhole(origin: "half.ckpt") }
    #expect(message?.contains("\(part)0.") == true, "\(message ?? "none")")
    #expect(message?.contains("is missing, and ") == true)
  }

  /// Half an autoencoder's innermost level: once read as a model of a level less, which drew noise.
  @Test(arguments: [
    ("first_stage_model.encoder.down.3.", "encoder.down.3.block.0.conv1.weight' is missing"),
    ("first_stage_model.decoder.up.3.", "decoder.up.3.block.0.norm1.weight' [64] is missing"),
    ("vae.encoder.down_blocks.3.", "down_blocks.3.resnets.0.conv1.weight' is missing"),
    ("vae.decoder.up_blocks.3.", "decoder.up_blocks.3.resnets.0.norm1.weight' [64] is missing"),
  ])
  func aLevelThatOneHalfOfTheAutoencoderLacksIsMissing(prefix: String, text: String) throws {
    let whole = prefix.hasPrefix("vae.") ? try LayoutFixture("digits").diffusers : tensors
    let holed = whole.filter { !$0.name.hasPrefix(prefix) }
    #expect(holed.count < whole.count)
    let message = Self.message {
      try LayoutReading(of: holed).requireWhole(origin: "digits.ckpt")
    }
    #expect(message?.contains(text) == true, "\(message ?? "none")")
  }

  /// A handful of names with high numbers would otherwise stand for millions of expected tensors.
  @Test func numbersBeyondAnyModelAreRefused() {
    let extra = ["vae.encoder.down_blocks.900.resnets.0.conv1.weight"]
    let saved = (try? LayoutFixture("digits").diffusers) ?? []
    #expect(
      Self.message { _ = try LayoutReading(of: saved + Self.scalars(extra)) }
        == "the VAE's blocks do not add up to levels: is one missing?")
  }

  @Test(arguments: [
    "image_size", "timesteps", "scale_factor", "linear_start", "linear_end",
  ])
  func absurdTrainingFactsArePassedOver(field: String) throws {
    let plain = try LayoutReading(of: tensors).configurations
    for value: JSON in [.integer(.max), .integer(.min), 0, -1, 1e300, "x", .null, [64]] {
      let metadata: JSONObject = ["values": ["hyper_parameters": [field: value]]]
      #expect(
        try LayoutReading(of: tensors, metadata: metadata).configurations == plain, "\(value)")
    }
  }

  private static func scalars(_ names: [String]) -> [TensorDescription] {
    names.map { TensorDescription(name: $0, elementType: .float32, shape: []) }
  }

  private static func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return String(describing: error) }
  }
}
