import Checkpoints
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

@Suite struct AdapterConverterTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  @discardableResult
  private func convert(
    _ path: String, to name: String, _ naming: AdapterNaming, base: String? = nil,
    type: ElementType? = nil
  ) throws -> AdapterReport {
    let request = AdapterRequest(
      output: scratch.path(name), container: try .named(byOutput: name), naming: naming,
      elementType: type)
    let model = try base.map { try ModelReader.open(path: AdapterFixture.model($0)) }
    return try AdapterConverter(try Adapter.open(path: path), request, model: model).run()
  }

  private func contents(_ path: String) throws -> [String: Content] {
    try ConversionTests.contents(of: try Checkpoint.open(path: path).source)
  }

  /// One LoRA as PEFT and as kohya's trainer would have saved it: each becomes the other.
  @Test(arguments: ["sd15", "sdxl-base"])
  func kohyaAndPEFTBecomeEachOther(model: String) throws {
    let ending = model == "sd15" ? "" : "-xl"
    let kohya = AdapterFixture.adapter("kohya\(ending).safetensors")
    let peft = AdapterFixture.adapter("peft\(ending).safetensors")
    try convert(peft, to: "kohya.safetensors", .kohya, base: model)
    #expect(try contents(scratch.path("kohya.safetensors")) == contents(kohya))
    try convert(kohya, to: "peft.safetensors", .peft, base: model)
    // diffusers saved the text encoders without the level that transformers has given up.
    let found = try contents(scratch.path("peft.safetensors"))
    let expected = Dictionary(
      uniqueKeysWithValues: try contents(peft).map { name, value in
        let level = "text_encoder.encoder."
        return (
          name.hasPrefix(level)
            ? "text_encoder.text_model.encoder." + name.dropFirst(level.count)
            : name, value
        )
      })
    #expect(found == expected)
    try convert(
      scratch.path("peft.safetensors"), to: "back.safetensors", .kohya, base: model)
    #expect(try contents(scratch.path("back.safetensors")) == contents(kohya))
  }

  /// diffusers' names have no place for alpha; the configuration in the metadata has.
  @Test func alphaAndRanksGoIntoTheMetadata() throws {
    try convert(
      AdapterFixture.adapter("kohya.safetensors"), to: "out.safetensors", .diffusers, base: "sd15")
    let adapter = try Adapter.open(path: scratch.path("out.safetensors"))
    let names = adapter.file.tensors.map(\.name)
    #expect(names.contains("unet.conv_in.lora.down.weight"))
    #expect(
      names.contains(
        "text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_linear_layer.up.weight"))
    for module in adapter.file.modules {
      let expected = module.name.path.hasSuffix("ff.net.0.proj") ? 3.0 : 2
      #expect(try adapter.alpha(of: module) == expected)
      #expect(adapter.metadata.rank(of: module.name) == module.rank.map(Double.init))
    }
    // Where every alpha is the rank, readers need not be told.
    try convert(
      AdapterFixture.adapter("plain.safetensors"), to: "plain.safetensors", .diffusers,
      base: "sd15")
    let plain = try Checkpoint.open(path: scratch.path("plain.safetensors"))
    #expect(plain.metadata["lora_adapter_metadata"] == nil)
  }

  /// Through any naming, a LoRA changes a model by the same bits.
  @Test(arguments: [
    "kohya.safetensors", "kohya-ldm.safetensors", "mixed.safetensors", "diffusers-old.bin",
    "default.safetensors", "peft-folder", "kohya-of-diffusers.safetensors", "dora-peft.safetensors",
    "dora-kohya.safetensors", "loha.safetensors", "loha-tucker.safetensors", "lokr.safetensors",
    "glora.safetensors",
  ])
  func theEffectStaysTheSame(name: String) throws {
    let path = AdapterFixture.adapter(name)
    let base = try ModelReader.open(path: AdapterFixture.model("sd15"))
    func merged(_ lora: String) throws -> [String: Content] {
      let output = scratch.path("merged.safetensors")
      let request = ConversionRequest(
        output: output, container: .safetensors, elementType: .float32)
      let report = try Merger(base, request).run(adapters: [
        AdapterMerge.Application(try Adapter.open(path: lora), strength: 0.6)
      ])
      #expect(report.adapters[0].leftovers.isEmpty)
      return try contents(output)
    }
    let expected = try merged(path)
    for naming in AdapterNaming.allCases {
      for output in naming == .kohya
        ? ["renamed.safetensors", "renamed.pt"] : ["renamed.safetensors"]
      {
        let report = try convert(path, to: output, naming, base: "sd15")
        #expect(report.leftovers.isEmpty)
        #expect(try merged(scratch.path(output)) == expected, "\(naming)")
      }
    }
  }

  /// diffusers' and PEFT's names have no place for alpha, and a pickle none for a configuration.
  @Test func aPickleHoldsNoAlphaInDottedNames() throws {
    let error = #expect(throws: ConversionError.self) {
      try convert(
        AdapterFixture.adapter("kohya.safetensors"), to: "out.bin", .peft, base: "sd15")
    }
    #expect(
      error?.description
        == "\(scratch.path("out.bin")): alpha has no place in a pickle with peft naming, expected "
        + "safetensors, or kohya naming")
    try convert(
      AdapterFixture.adapter("plain.safetensors"), to: "plain.bin", .peft, base: "sd15")
    #expect(scratch.contents == ["plain.bin"])
  }

  /// Without a model, the published ones tell what underscores mean.
  @Test func publishedModelsTellTheModules() throws {
    try scratch.writeTensors(
      [
        (
          "lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_out_0.lora_down.weight", [2, 8]
        ),
        ("lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_out_0.lora_up.weight", [8, 2]),
        ("lora_te2_text_model_encoder_layers_31_mlp_fc1.lora_down.weight", [2, 8]),
        ("lora_te2_text_model_encoder_layers_31_mlp_fc1.lora_up.weight", [8, 2]),
      ], to: "xl.safetensors", value: 1)
    let report = try convert(scratch.path("xl.safetensors"), to: "out.safetensors", .peft)
    #expect(report.family == .stableDiffusionXL)
    #expect(report.sourceNaming == .kohya)
    let names = try Checkpoint.open(path: scratch.path("out.safetensors")).source.tensors.map(
      \.name)
    #expect(
      names.sorted() == [
        "text_encoder_2.text_model.encoder.layers.31.mlp.fc1.lora_A.weight",
        "text_encoder_2.text_model.encoder.layers.31.mlp.fc1.lora_B.weight",
        "unet.down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_out.0.lora_A.weight",
        "unet.down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_out.0.lora_B.weight",
      ])
  }

  @Test func magnitudesGetTheNamingsShape() throws {
    func shapes(_ name: String) throws -> [String: TensorShape] {
      let tensors = try Checkpoint.open(path: scratch.path(name)).source.tensors
      return Dictionary(
        uniqueKeysWithValues: tensors.filter {
          $0.name.hasSuffix("dora_scale") || $0.name.hasSuffix("lora_magnitude_vector")
        }.map { ($0.name, $0.shape) })
    }
    try convert(
      AdapterFixture.adapter("dora-kohya.safetensors"), to: "peft.safetensors", .peft,
      base: "sd15")
    let peft = try shapes("peft.safetensors")
    #expect(peft["unet.mid_block.resnets.0.conv1.lora_magnitude_vector"] == [1, 16, 1, 1])
    #expect(
      peft[
        "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_magnitude_vector"]
        == [8])
    try convert(scratch.path("peft.safetensors"), to: "kohya.safetensors", .kohya, base: "sd15")
    let kohya = try shapes("kohya.safetensors")
    #expect(kohya["lora_unet_mid_block_resnets_0_conv1.dora_scale"] == [16, 1, 1, 1])
  }

  /// What a naming has no place for is left behind and named.
  @Test func aKernelInBetweenHasNoPlaceInPEFT() throws {
    let path = AdapterFixture.adapter("locon-tucker.safetensors")
    let report = try convert(path, to: "kohya.safetensors", .kohya, base: "sd15")
    #expect(report.leftovers.isEmpty && report.kinds == ["LoCon": 2])
    let error = #expect(throws: AdapterError.self) {
      try convert(path, to: "peft.safetensors", .peft, base: "sd15")
    }
    #expect(error?.description.contains("0 of 2 modules") == true)
    #expect(scratch.contents == ["kohya.safetensors"])
  }

  /// PEFT's magnitudes are of outputs.
  @Test(arguments: [AdapterNaming.peft, .diffusers])
  func magnitudesOfInputsHaveNoPlaceInDottedNames(naming: AdapterNaming) throws {
    let path = AdapterFixture.adapter("dora-inputs.safetensors")
    let error = #expect(throws: AdapterError.self) {
      try convert(path, to: "dotted.safetensors", naming, base: "sd15")
    }
    #expect(
      error?.description.hasSuffix(": \(naming.rawValue) has no place for magnitudes of inputs")
        == true, "\(error as Any)")
    #expect(try convert(path, to: "kohya.safetensors", .kohya, base: "sd15").leftovers.isEmpty)
    #expect(scratch.contents == ["kohya.safetensors"])
  }

  @Test func leftoversAreNamed() throws {
    let report = try convert(
      AdapterFixture.adapter("differences.safetensors"), to: "out.safetensors", .kohya,
      base: "sd15")
    #expect(report.kinds == ["difference": 1, "norm": 2, "bias": 1])
    #expect(report.leftovers.count == 4 && report.leftovers.count(where: \.isKnown) == 1)
  }

  @Test(arguments: ["out.gguf", "out.npz", "out.ingot", "folder"])
  func onlyFilesOfTensorsHoldALoRA(name: String) throws {
    let error = #expect(throws: ConversionError.self) {
      try convert(AdapterFixture.adapter("kohya.safetensors"), to: name, .peft, base: "sd15")
    }
    #expect(
      error?.description.hasSuffix("holds no LoRA, expected safetensors or pytorch") == true)
  }

  @Test func aNumberInAnotherTypeIsAnAlpha() throws {
    try convert(
      AdapterFixture.adapter("glora.safetensors"), to: "out.safetensors", .kohya, base: "sd15",
      type: .float16)
    let adapter = try Adapter.open(path: scratch.path("out.safetensors"))
    for module in adapter.file.modules { #expect(try adapter.scale(of: module) == 0.5) }
  }

  @Test func anAlphaThatIsNoNumberIsRefused() throws {
    try scratch.writeTensors(
      [
        ("lora_unet_conv_in.lora_down.weight", [2, 4]),
        ("lora_unet_conv_in.lora_up.weight", [8, 2]),
        ("lora_unet_conv_in.alpha", [2]),
      ], to: "bad.safetensors", value: 1)
    let error = #expect(throws: AdapterError.self) {
      try convert(scratch.path("bad.safetensors"), to: "out.safetensors", .kohya)
    }
    #expect(
      error?.description
        == "\(scratch.path("bad.safetensors")): tensor 'lora_unet_conv_in.alpha' is f32 [2], "
        + "expected one number")
  }
}
