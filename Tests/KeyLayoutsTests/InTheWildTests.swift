import Foundation
import KeyLayouts
import TensorCore
import Testing

/// Names of published models at full size as other tools leave them: whatever stands in front of
/// them, between them or beside them, they mean the same.
@Suite struct InTheWildTests {
  /// A published model, and what takes the place of the fronts of its names.
  struct Case: CustomTestStringConvertible {
    let model: String
    let fronts: [(String, String)]

    init(_ model: String, _ fronts: (String, String)...) {
      self.model = model
      self.fronts = fronts
    }

    var testDescription: String {
      model + fronts.map { " \($0.0)→\($0.1)" }.joined()
    }
  }

  private static let unet = "model.diffusion_model."
  private static let vae = "first_stage_model."
  private static let clip = "cond_stage_model.transformer."
  private static let tower = "cond_stage_model.model."
  private static let first = "conditioner.embedders.0.transformer."
  private static let second = "conditioner.embedders.1.model."
  private static let refiner = "conditioner.embedders.0.model."
  private static let models = ["sd15", "sd21-base", "sd2-depth", "sdxl-base", "sdxl-refiner"]

  static let prefixes: [Case] = networks + encoders + pairs + controls

  private static let networks: [Case] = models.flatMap { model -> [Case] in
    let networks = [
      "diffusion_model.", "unet.", "", unet + unet, unet + "diffusion_model.", "model." + unet,
      "unet.unet.", "module." + unet, unet + "_orig_mod.", unet + "module._orig_mod.",
      "_orig_mod.module." + unet,
    ]
    let autoencoders = ["vae.", "", vae + vae, "vae.vae.", "model." + vae, vae + "_orig_mod."]
    let wholes = ["module.", "_orig_mod.", "module._orig_mod.", "model."]
    return networks.map { Case(model, (unet, $0)) } + autoencoders.map { Case(model, (vae, $0)) }
      + wholes.map { Case(model, ("", $0)) }
  }

  private static let encoders: [Case] = {
    let clips = [
      "te.", "text_encoder.", "text_encoders.clip_l.transformer.", "cond_stage_model.", clip + clip,
      "cond_stage_model._orig_mod.transformer.",
    ]
    let towers = [
      "te.", "text_encoder.", "text_encoders.clip_h.transformer.", "cond_stage_model.",
      tower + tower,
    ]
    let refiners = [
      "te.", "te.1.", "text_encoder_2.", "text_encoders.clip_g.", "conditioner.embedders.0.",
    ]
    // With the level `text_model` and without.
    return clips.map { Case("sd15", (clip, $0)) }
      + clips.map { Case("sd15", (clip + "text_model.", $0)) }
      + towers.map { Case("sd21-base", (tower, $0)) }
      + refiners.map { Case("sdxl-refiner", (refiner, $0)) }
  }()

  private static let pairs: [Case] = {
    let found = [
      ("te.", "te.1."), ("text_encoder.", "text_encoder_2."),
      ("text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer."),
      ("text_encoders.clip_l.", "text_encoders.clip_g."), (first + first, second + second),
      ("conditioner.embedders.0.", "conditioner.embedders.1."),
    ]
    return found.map { Case("sdxl-base", (first, $0), (second, $1)) }
      + found.map { Case("sdxl-base", (first + "text_model.", $0), (second, $1)) }
  }()

  private static let controls: [Case] = ["controlnet-sd15", "controlnet-sdxl"].flatMap { model in
    [
      "", "controlnet.", "control_model.control_model.", "module.control_model.",
      "model.control_model.",
    ].map { Case(model, ("control_model.", $0)) }
  }

  private func expectSame(
    _ tensors: [TensorDescription], as sound: [TensorDescription], ignoring: Set<String> = [],
    location: SourceLocation = #_sourceLocation
  ) throws {
    let (found, expected) = (try LayoutReading(of: tensors), try LayoutReading(of: sound))
    func targets(_ reading: LayoutReading) -> Set<TensorDescription> {
      Set(reading.ledger.targets.map(\.description).filter { !$0.name.hasPrefix("original.") })
    }
    #expect(found.ledger.isClean, "\(found.ledger.summary)", sourceLocation: location)
    #expect(targets(found) == targets(expected), sourceLocation: location)
    #expect(found.detection.family == expected.detection.family, sourceLocation: location)
    #expect(found.components == expected.components, sourceLocation: location)
    #expect(found.configurations == expected.configurations, sourceLocation: location)
    let reasons = Set(found.ledger.ignored.map(\.reason))
    #expect(ignoring.isSubset(of: reasons), "\(reasons)", sourceLocation: location)
  }

  private func renamed(
    _ tensors: [TensorDescription], _ name: (String) -> String?
  ) -> [TensorDescription] {
    tensors.map { tensor in
      var tensor = tensor
      tensor.name = name(tensor.name) ?? tensor.name
      return tensor
    }
  }

  @Test(arguments: prefixes) func whateverStandsInFront(_ found: Case) throws {
    let sound = try LayoutFixture(found.model).ldm
    let tensors = renamed(sound) { name in
      found.fronts.first { name.hasPrefix($0.0) }.map { $0.1 + name.dropFirst($0.0.count) }
    }
    try #require(tensors != sound)
    try expectSame(tensors, as: sound)
  }

  /// Compiled or distributed parts of a network.
  @Test(arguments: models, ["_orig_mod", "module", "_orig_mod.module"])
  func whateverStandsInTheMiddle(model: String, wrapper: String) throws {
    let sound = try LayoutFixture(model).ldm
    for level in [
      "transformer_blocks.0", "input_blocks.1", "resblocks.0", "layers.0", "decoder.mid",
    ] {
      let tensors = renamed(sound) { $0.replacing(".\(level).", with: ".\(level).\(wrapper).") }
      try expectSame(tensors, as: sound)
    }
  }

  /// Names of two tools in one file.
  @Test func theSecondEncoderMayHaveTransformersNames() throws {
    let fixture = try LayoutFixture("sdxl-base")
    let own = fixture.diffusers.filter { $0.name.hasPrefix("text_encoder_2.") }
    let rest = fixture.ldm.filter { !$0.name.hasPrefix(Self.second) }
    for prefix in [Self.second, "text_encoders.clip_g.transformer.", "te.1."] {
      for level in ["text_model.", ""] {
        let moved = renamed(own) { name in
          let inner = name.dropFirst("text_encoder_2.".count)
          return prefix
            + (inner.hasPrefix("text_model.") ? level + inner.dropFirst(11) : String(inner))
        }
        try expectSame(rest + moved, as: fixture.ldm)
      }
    }
  }

  /// Stable Diffusion 2.x's encoder in transformers' names, where the first generation keeps its own.
  @Test func theSecondGenerationIsKnownByTheWidthOfItsText() throws {
    let fixture = try LayoutFixture("sd21-base")
    let own = fixture.diffusers.filter { $0.name.hasPrefix("text_encoder.") }
    let rest = fixture.ldm.filter { !$0.name.hasPrefix(Self.tower) }
    let moved = renamed(own) { Self.clip + $0.dropFirst("text_encoder.".count) }
    try expectSame(rest + moved, as: fixture.ldm)
  }

  /// OpenCLIP's projection is transposed, and has gone by several names.
  @Test(arguments: ["text_projection.weight", "text_projection.weight.weight"])
  func theProjectionHasSeveralNames(name: String) throws {
    for (model, place) in [("sdxl-base", Self.second), ("sdxl-refiner", Self.refiner)] {
      let sound = try LayoutFixture(model).ldm
      let tensors = sound.map { tensor in
        guard tensor.name == place + "text_projection" else { return tensor }
        return TensorDescription(
          name: place + name, elementType: tensor.elementType,
          shape: TensorShape(tensor.shape.dimensions.reversed()))
      }
      try expectSame(tensors, as: sound)
    }
  }

  /// A prompt of several times 77 tokens.
  @Test(arguments: ["sd15", "sd21-base", "sdxl-base"])
  func tablesOfPositionsMayBeLonger(model: String) throws {
    let sound = try LayoutFixture(model).ldm
    let tensors = sound.map { tensor in
      let isTable =
        tensor.name.hasSuffix("position_embedding.weight")
        || tensor.name.hasSuffix("positional_embedding")
      guard isTable else { return tensor }
      return TensorDescription(
        name: tensor.name, elementType: tensor.elementType,
        shape: TensorShape([248] + tensor.shape.dimensions.dropFirst()))
    }
    let reading = try LayoutReading(of: tensors)
    #expect(reading.ledger.isClean)
    #expect(reading.configurations["text_encoder"]?["max_position_embeddings"] == 248)
  }

  /// The VAE's attention under every name that it has had, as matrices and as convolutions.
  @Test(
    arguments: [
      ["q", "k", "v", "proj_out", "norm"], ["to_q", "to_k", "to_v", "to_out.0", "group_norm"],
      ["query", "key", "value", "proj_attn", "group_norm"],
    ], [true, false])
  func theAutoencodersAttentionHasSeveralNames(names: [String], isConvolution: Bool) throws {
    for model in ["sd15", "sdxl-base"] {
      let sound = try LayoutFixture(model).ldm
      let tensors = sound.map { tensor in
        let parts = tensor.name.components(separatedBy: ".mid.attn_1.")
        guard parts.count == 2 else { return tensor }
        let (module, leaf) = (
          parts[1].split(separator: ".").dropLast().joined(separator: "."),
          parts[1].split(separator: ".").last ?? ""
        )
        let place = ["q", "k", "v", "proj_out", "norm"].firstIndex(of: module) ?? 0
        var changed = tensor
        changed.name = "\(parts[0]).mid.attn_1.\(names[place]).\(leaf)"
        if tensor.shape.rank == 4, !isConvolution {
          changed.shape = TensorShape(Array(tensor.shape.dimensions.prefix(2)))
        }
        return changed
      }
      try expectSame(tensors, as: sound)
    }
  }

  /// What trainers leave beside a model.
  @Test(arguments: models) func whateverStandsBeside(model: String) throws {
    let sound = try LayoutFixture(model).ldm
    let network = sound.filter { $0.name.hasPrefix(Self.unet) }
    let averages = renamed(network) {
      "model_ema.diffusion_model" + $0.dropFirst(Self.unet.count).filter { $0 != "." }
    }
    let others = [
      "model_ema.decay", "model_ema.num_updates", "first_stage_model.model_ema.decay", "betas",
      "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod",
      "sqrt_recipm1_alphas_cumprod", "posterior_variance", "posterior_mean_coef1",
      "denoiser.sigmas", "embedding_manager.initial_embeddings.x",
      "embedding_manager.string_to_param_dict.*", "first_stage_model.loss.logvar",
      "cond_stage_model.transformer.vision_model.pre_layrnorm.weight",
      "safety_checker.vision_model.vision_model.pre_layrnorm.weight",
    ].map { TensorDescription(name: $0, elementType: .float32, shape: [4]) }
    let known = Set(sound.map(\.name))
    try expectSame(
      sound + averages + others.filter { !known.contains($0.name) }, as: sound,
      ignoring: ["EMA copy", "schedule buffer", "embedding manager", "training loss"])
  }

  /// Stable Diffusion 2.x stores a block that nobody uses; `logit_scale` and that block come back.
  @Test func whatIsNoPartOfTheModelComesBack() throws {
    let sound = try LayoutFixture("sd21-base").ldm
    let reading = try LayoutReading(of: sound)
    let back = try LayoutReading.ledger(
      writing: reading.ledger.targets.map(\.description), as: .ldm, of: .stableDiffusion2)
    let names = Set(back.targets.map(\.description.name))
    #expect(names.contains("cond_stage_model.model.logit_scale"))
    #expect(names.contains("cond_stage_model.model.text_projection"))
    #expect(names.contains("cond_stage_model.model.transformer.resblocks.23.mlp.c_fc.weight"))
    #expect(!reading.ledger.targets.contains { $0.description.name.contains("layers.23.") })
  }

  /// Projections into and out of attention, as 1×1 convolutions or as linear layers.
  @Test(arguments: [("sd15", false), ("sd21-base", true), ("sdxl-base", true)])
  func projectionsAreConvolutionsOrLinear(model: String, isLinear: Bool) throws {
    let sound = try LayoutFixture(model).ldm
    let field = "use_linear_projection"
    #expect(
      try LayoutReading(of: sound).configurations["unet"]?[field] == (isLinear ? true : nil))
    let other = sound.map { tensor in
      guard tensor.name.hasPrefix(Self.unet), tensor.name.hasSuffix(".weight"),
        tensor.name.contains(".proj_in.") || tensor.name.contains(".proj_out.")
      else { return tensor }
      var changed = tensor
      changed.shape = TensorShape(
        isLinear ? tensor.shape.dimensions + [1, 1] : Array(tensor.shape.dimensions.prefix(2)))
      return changed
    }
    let reading = try LayoutReading(of: other)
    #expect(reading.ledger.isClean)
    #expect(reading.configurations["unet"]?[field] == (isLinear ? nil : true))
  }
}
