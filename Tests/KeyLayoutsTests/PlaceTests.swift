import KeyLayouts
import TensorCore
import Testing

/// Components below every prefix under which checkpoints keep them, together and alone.
@Suite struct PlaceTests {
  static let parts: [Component] = [.unet, .vae, .textEncoder]
  private let fixture: LayoutFixture
  private let whole: LayoutReading

  init() throws {
    fixture = try LayoutFixture("digits")
    whole = try LayoutReading(of: fixture.ldm)
  }

  @Test(
    arguments: ["model.diffusion_model.", "diffusion_model.", "unet.", ""],
    ["first_stage_model.", "vae.", ""])
  func prefixesAreAllRead(unet: String, vae: String) throws {
    for (text, wrapper) in [
      ("cond_stage_model.transformer.", ""), ("text_encoder.", "module."), ("", "_orig_mod."),
    ] {
      let ldm = Self.moved(fixture.ldm, Self.ldm, to: [unet, vae, text], wrapper)
      let saved = Self.moved(fixture.diffusers, Self.saved, to: [unet, vae, text], wrapper)
      for tensors in [ldm, saved] {
        let reading = try LayoutReading(of: tensors)
        #expect(reading.ledger.isClean, "\(wrapper)\(text): \(reading.ledger.summary)")
        #expect(Self.targets(reading) == Self.targets(whole))
        #expect(reading.components == PlaceTests.parts)
        #expect(reading.configurations == whole.configurations)
      }
    }
  }

  /// A network that was wrapped once more before it was saved.
  @Test(arguments: [
    "model.diffusion_model.diffusion_model.", "diffusion_model.model.diffusion_model.",
    "model.model.diffusion_model.", "model.diffusion_model.diffusion_model.diffusion_model.",
  ])
  func aPrefixWithinAnotherIsRead(unet: String) throws {
    let tensors = Self.moved(
      fixture.ldm, Self.ldm, to: [unet, "first_stage_model.", "cond_stage_model.transformer."], "")
    let doubled = tensors.map { tensor in
      var tensor = tensor
      tensor.name = tensor.name.replacing("text_model.", with: "text_model.text_model.")
      return tensor
    }
    for tensors in [tensors, doubled] {
      let reading = try LayoutReading(of: tensors)
      #expect(reading.ledger.isClean, "\(reading.ledger.summary)")
      #expect(Self.targets(reading) == Self.targets(whole))
    }
  }

  /// A whole trainer below one more level: what is left out is left out there too.
  @Test(arguments: ["module.", "_orig_mod."])
  func aWrappedTrainerLeavesNothingUnexplained(wrapper: String) throws {
    let average = TensorDescription(
      name: "model_ema.diffusion_modelout2bias", elementType: .float16, shape: [4])
    let wrapped = (fixture.ldm + [average]).map {
      var tensor = $0
      tensor.name = wrapper + tensor.name
      return tensor
    }
    let reading = try LayoutReading(of: wrapped)
    #expect(reading.ledger.unexplained.isEmpty, "\(reading.ledger.summary)")
    #expect(Self.targets(reading) == Self.targets(whole))
  }

  /// The U-Net of one trainer beside the autoencoder of another.
  @Test func layoutsMayDifferBetweenComponents() throws {
    let unet = fixture.ldm.filter { $0.name.hasPrefix(Self.ldm[0]) }
    let rest = fixture.diffusers.filter { !$0.name.hasPrefix("unet.") }
    let reading = try LayoutReading(of: unet + rest)
    #expect(reading.ledger.isClean)
    #expect(Self.targets(reading) == Self.targets(whole))
  }

  @Test(arguments: PlaceTests.parts, [Layout.ldm, .diffusers])
  func aComponentAloneIsRead(component: Component, layout: Layout) throws {
    let place = try #require(PlaceTests.parts.firstIndex(of: component))
    let (tensors, prefix) =
      layout == .ldm ? (fixture.ldm, Self.ldm[place]) : (fixture.diffusers, Self.saved[place])
    let alone = tensors.filter { $0.name.hasPrefix(prefix) }
    for tensors in [alone, Self.moved(alone, [prefix], to: [""], "")] {
      let reading = try LayoutReading(of: tensors)
      #expect(reading.components == [component])
      #expect(reading.absentComponents == PlaceTests.parts.filter { $0 != component })
      #expect(reading.ledger.isClean, "\(reading.ledger.summary)")
      #expect(
        Self.targets(reading)
          == Self.targets(whole).filter { $0.name.hasPrefix(component.prefix) })
      let configuration = component.rawValue
      #expect(reading.configurations[configuration] == whole.configurations[configuration])
      let back = try LayoutReading.ledger(
        writing: Array(Self.targets(reading)), as: .ldm, of: .stableDiffusion1)
      #expect(back.unexplained.isEmpty)
      #expect(Set(back.mapped.map(\.target)).isSubset(of: Set(fixture.ldm)))
    }
  }

  /// Newer transformers drop the level `text_model`.
  @Test func aTextEncoderWithoutItsLevelIsRead() throws {
    let level = "cond_stage_model.transformer.text_model."
    for prefix in ["cond_stage_model.transformer.", "text_encoder.", ""] {
      let text = fixture.ldm.filter { $0.name.hasPrefix(level) }
      let reading = try LayoutReading(of: Self.moved(text, [level], to: [prefix], ""))
      #expect(reading.ledger.isClean, "\(reading.ledger.summary)")
      #expect(
        Self.targets(reading) == Self.targets(whole).filter { $0.name.hasPrefix("text_encoder.") })
    }
  }

  @Test func absentComponentsAreNamed() throws {
    let tensors = fixture.ldm.filter { !$0.name.hasPrefix("cond_stage_model.") }
    var reading = try LayoutReading(of: tensors)
    #expect(reading.ledger.isClean)
    let error = #expect(throws: LayoutError.self) { try Self.model(reading).require() }
    #expect(error?.description == "a.ingot: has no text encoder")
    try Self.model(reading).require([.unet, .vae])
    reading = try LayoutReading(of: tensors.filter { !$0.name.hasPrefix("first_stage_model.") })
    let both = #expect(throws: LayoutError.self) { try Self.model(reading).require() }
    #expect(both?.description == "a.ingot: has no VAE, no text encoder")
    #expect(LayoutError(.absent([.textEncoder])).description == "has no text encoder")
  }

  /// The model that a reading describes, without values.
  private static func model(_ reading: LayoutReading) -> CanonicalModel {
    CanonicalModel(
      tensors: Descriptions(tensors: reading.ledger.mapped.map(\.target)), configurations: [:],
      attachments: [:], origin: "a.ingot")
  }

  private static let ldm = [
    "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer.",
  ]
  private static let saved = ["unet.", "vae.", "text_encoder."]

  private static func targets(_ reading: LayoutReading) -> Set<TensorDescription> {
    Set(reading.ledger.mapped.map(\.target))
  }

  /// The tensors with each of some prefixes exchanged.
  private static func moved(
    _ tensors: [TensorDescription], _ prefixes: [String], to others: [String], _ wrapper: String
  ) -> [TensorDescription] {
    tensors.map { tensor in
      guard let place = prefixes.firstIndex(where: tensor.name.hasPrefix) else { return tensor }
      var tensor = tensor
      tensor.name = wrapper + others[place] + tensor.name.dropFirst(prefixes[place].count)
      return tensor
    }
  }
}

/// Tensors of which nothing but the description is asked.
private struct Descriptions: TensorSource {
  let tensors: [TensorDescription]

  func tensor(at index: Int) throws -> TensorView {
    throw LayoutError(.noMeasure(tensors[index].name))
  }
}
