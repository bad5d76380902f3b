import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// What `convert` can be asked for beside a container.
@Suite struct OptionTests {
  private let scratch: ScratchFolder
  private let sd15 = FixtureFile.path("families/sd15.safetensors")
  private let xl = FixtureFile.path("families/sdxl-base.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private var out: String { scratch.path("out.safetensors") }

  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  @Test func typesAreChosenByComponent() throws {
    try convert(xl, to: out) {
      $0.componentTypes = [.unet: .bfloat16, .textEncoder2: .float64]
      $0.elementType = .float32
    }
    let types = try contents(ofFile: out).mapValues(\.type)
    for (name, type) in types
    where !name.hasSuffix("position_ids") && !name.hasSuffix("logit_scale") {
      let expected: ElementType =
        name.hasPrefix("model.diffusion_model.")
        ? .bfloat16 : name.hasPrefix("conditioner.embedders.1.") ? .float64 : .float32
      #expect(type == expected, "\(name)")
    }
  }

  @Test(arguments: ["out.safetensors", "out", "out.ingot"])
  func componentsAreWrittenAlone(name: String) throws {
    let path = scratch.path(name)
    let report = try convert(xl, to: path) { $0.selection.components = [.unet, .textEncoder2] }
    let model = try ModelReader.open(path: path)
    #expect(try model.reading.get().components == [.unet, .textEncoder2])
    #expect(report.ledger.ignored.contains { $0.reason == "not one of the components asked for" })
    if name != "out.safetensors" {
      #expect(model.checkpoint.configurations["vae"] == nil)
      #expect(model.checkpoint.configurations["scheduler"] != nil)
    }
  }

  /// A folder of one component is what its class saves, and is read as that component again.
  @Test(arguments: [Component.unet, .vae, .textEncoder, .textEncoder2])
  func aLoneComponentIsAFolderOfItsOwn(component: Component) throws {
    let folder = scratch.path("lone")
    try convert(xl, to: folder) { $0.selection.components = [component] }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    let isText = component == .textEncoder || component == .textEncoder2
    #expect(
      files == [
        "config.json", isText ? "model.safetensors" : "diffusion_pytorch_model.safetensors",
      ])
    let whole = try canonicalContents(ofFile: xl)
    let lone = try canonicalContents(ofFile: folder)
    #expect(lone == whole.filter { $0.key.hasPrefix(component.prefix) })
  }

  /// What is damaged in one component does not keep another from being taken out.
  @Test func otherComponentsNeedNotBeWhole() throws {
    let damaged = scratch.path("damaged.safetensors")
    try convert(sd15, to: damaged) {
      $0.selection.excluded = ["first_stage_model.decoder.conv_out.bias"]
    }
    #expect(
      message { try convert(damaged, to: scratch.path("m.ingot")) }?
        .contains("'first_stage_model.decoder.conv_out.bias' [3] is missing") == true)
    try convert(damaged, to: scratch.path("m.ingot")) { $0.selection.components = [.unet] }
    #expect(
      message { try convert(sd15, to: out) { $0.selection.components = [.controlNet] } }?
        .hasSuffix("sd15.safetensors: has no ControlNet") == true)
  }

  @Test func patternsChooseByAnyName() throws {
    try convert(sd15, to: out) {
      $0.selection = TensorSelection(
        included: ["unet.*attn2*", "first_stage_model.quant_conv.*"], excluded: ["*to_q*"])
    }
    let names = try contents(ofFile: out).keys
    #expect(names.contains("first_stage_model.quant_conv.bias"))
    #expect(names.contains { $0.hasSuffix("attn2.to_k.weight") })
    #expect(!names.contains { $0.contains("to_q") || $0.contains("attn1") })
    #expect(
      message { try convert(sd15, to: out) { $0.selection.excluded = ["unet.nothing*"] } }
        == "\(sd15): no tensor matches the pattern 'unet.nothing*'")
  }

  @Test func aUsersTableRenamesBeforeAnythingIsRecognised() throws {
    let odd = scratch.path("odd.safetensors")
    let there = scratch.path("there.json")
    try Data(
      """
      {"model.diffusion_model.input_blocks": "net.down", "model.diffusion_model": "net.rest",
        "cond_stage_model": "text"}
      """.utf8
    ).write(to: URL(filePath: there))
    try convert(sd15, to: odd, names: try RenameRules(file: there))
    #expect(try ModelReader.open(path: odd).reading.get().components == [.vae])
    let back = scratch.path("back.json")
    try Data(
      """
      {"net.down.*": "model.diffusion_model.input_blocks.*", "net.*": "model.diffusion_model",
        "text": "cond_stage_model"}
      """.utf8
    ).write(to: URL(filePath: back))
    let report = try convert(odd, to: out, names: try RenameRules(file: back))
    #expect(try contents(ofFile: out) == contents(ofFile: sd15))
    // The ledger shows the name in the file and the one that the table gave.
    let entry = report.ledger.entries.first { $0.nameBefore == "net.rest.out.2.bias" }
    #expect(entry?.json["source"] == "net.rest.out.2.bias")
    #expect(entry?.json["renamed"] == "model.diffusion_model.out.2.bias")
    #expect(
      report.ledger.entries.contains {
        $0.nameBefore == "net.down.0.0.bias"
          && $0.source.name == "model.diffusion_model.input_blocks.0.0.bias"
          && $0.title == "net.down.0.0.bias = model.diffusion_model.input_blocks.0.0.bias"
      })
  }

  @Test(arguments: [
    ("[]", "is not a JSON object"), ("{}", "expected an object from old names to new ones"),
    (#"{"a": 1}"#, "rule 'a' is 1, expected a name"),
    (#"{"a": "*.b"}"#, "rule 'a' has fewer * than '*.b'"),
    (#"{"betas": "x", "alphas_cumprod": "x"}"#, "the rules rename"),
  ])
  func tablesThatMakeNoSenseAreRefused(text: String, expected: String) throws {
    let file = scratch.path("rules.json")
    try Data(text.utf8).write(to: URL(filePath: file))
    let found = message { try convert(sd15, to: out, names: try RenameRules(file: file)) }
    #expect(found?.contains(expected) == true, "\(found ?? "none")")
  }

  /// LDM's trainer keeps averages under names without dots.
  @Test func averagesTakeTheWeightsPlaces() throws {
    let name = "model.diffusion_model.out.2.bias"
    let trained = scratch.path("trained.safetensors")
    try write(
      [
        tensor("model_ema.diffusion_modelout2bias", [4], [1, 2, 3, 4]),
        tensor("model_ema.decay", [], [0.5]),
      ], after: sd15, to: trained)
    let plain = try contents(ofFile: sd15)
    let average = try contents(of: try Checkpoint.open(path: trained).source)[
      "model_ema.diffusion_modelout2bias"]
    for use in [AveragedWeights.drop, .prefer] {
      try convert(trained, to: out, averages: use)
      let result = try contents(ofFile: out)
      #expect(result[name] == (use == .prefer ? average : plain[name]))
      #expect(result.filter { $0.key != name } == plain.filter { $0.key != name })
    }
    #expect(
      message { try convert(trained, to: out, averages: .only) }?.contains("has no average") == true
    )
    #expect(
      message { try convert(sd15, to: out, averages: .only) }?
        .contains("has no averaged weights, expected tensors named 'model_ema.…'") == true)
    try write(
      [tensor("model_ema.diffusion_modelout2bias", [3], [1, 2, 3])], after: sd15, to: trained)
    #expect(
      message { try convert(trained, to: out, averages: .prefer) }?
        .contains("'model_ema.diffusion_modelout2bias' is [3], expected [4]") == true)
  }

  @Test(arguments: ["out.safetensors", "out.ingot", "out"])
  func aVAEIsBakedIn(name: String) throws {
    let path = scratch.path(name)
    let other = FixtureFile.path("families/sd15-inpainting.safetensors")
    let report = try convert(sd15, to: path) { $0.vaePath = other }
    let result = try canonicalContents(ofFile: path).filter { !$0.key.hasPrefix("original.") }
    let (own, theirs) = (try canonicalContents(ofFile: sd15), try canonicalContents(ofFile: other))
    #expect(
      result.filter { $0.key.hasPrefix("vae.") } == theirs.filter { $0.key.hasPrefix("vae.") })
    #expect(result.filter { $0.key.hasPrefix("unet.") } == own.filter { $0.key.hasPrefix("unet.") })
    #expect(report.ledger.ignored.contains { $0.reason == "replaced by \(other)" })
  }

  @Test func aFileWithoutAVAEIsNoVAE() throws {
    let control = FixtureFile.path("families/controlnet-sd15.safetensors")
    #expect(
      message { try convert(sd15, to: out) { $0.vaePath = control } } == "\(control): has no VAE")
  }

  @Test func pruningKeepsWhatDrawingNeeds() throws {
    let trained = scratch.path("trained.safetensors")
    try write(
      [
        tensor("model_ema.decay", [], [0.5]),
        tensor("optimizer_states.0.x", [2], [1, 2]),
      ], after: sd15, to: trained)
    let report = try convert(trained, to: out) { $0.isPruned = true }
    let names = Set(try contents(ofFile: out).keys)
    #expect(!names.contains { $0.hasPrefix("model_ema") || $0.hasPrefix("optimizer") })
    #expect(!names.contains("betas") && !names.contains("alphas_cumprod"))
    #expect(report.ledger.unexplained.isEmpty)
    #expect(try canonicalContents(ofFile: out) == canonicalContents(ofFile: sd15))
  }

  @Test func strictnessNamesWhatHasNoPlace() throws {
    let extra = scratch.path("extra.safetensors")
    let odd = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn3.to_k.weight"
    try write([tensor(odd, [1], [1])], after: sd15, to: extra)
    #expect(
      message { try convert(extra, to: out) { $0.isStrict = true } }
        == "\(extra): tensor '\(odd)' has no place in a Stable Diffusion 1.x model; the nearest "
        + "that has one is 'model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_k."
        + "weight'")
    let report = try convert(extra, to: scratch.path("m.ingot"))
    #expect(report.ledger.unexplained == [odd])
    #expect(report.nearest[odd]?.hasSuffix("attn1.to_k.weight") == true)
    try convert(sd15, to: out) { $0.isStrict = true }
  }

  @Test func metadataAreAdded() throws {
    try convert(sd15, to: out) { $0.metadata = ["author": "me", "format": "pt"] }
    #expect(try Checkpoint.open(path: out).metadata["author"] == "me")
    let npz = scratch.path("out.npz")
    #expect(
      message { try convert(sd15, to: npz) { $0.metadata = ["a": "b"] } }
        == "\(npz): numpy has no place for metadata")
  }

  /// transformers loads a file of torch's tensors by it.
  @Test(arguments: ["xx", "tf"]) func whoseTensorsTheyAreIsNotReplaced(format: String) throws {
    let report = try convert(sd15, to: out) { $0.metadata = ["format": .string(format)] }
    let metadata = try Checkpoint.open(path: out).metadata
    #expect(metadata["format"] == "pt")
    #expect(metadata["assay.kept.format"] == .string(format))
    #expect(report.renamedMetadata == ["format": "assay.kept.format"])
  }

  @Test func rulesThatRenameNothingAreReported() throws {
    let file = scratch.path("rules.json")
    try Data(#"{"betas": "x", "no.such": "y", "nor.this": "z"}"#.utf8)
      .write(to: URL(filePath: file))
    let report = try convert(sd15, to: out, names: try RenameRules(file: file))
    #expect(report.idleRenames == ["no.such", "nor.this"])
    #expect(try convert(sd15, to: out).idleRenames == [])
  }

  /// As files in a diffusers folder.
  @Test func tablesAndConfigurationsHaveALimit() throws {
    let file = scratch.path("large.json")
    _ = FileManager.default.createFile(atPath: file, contents: nil)
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.truncate(atOffset: 1 << 26 + 1)
    let problem = "\(file): has \(1 << 26 + 1) bytes, expected at most \(1 << 26)"
    #expect(message { _ = try RenameRules(file: file) } == problem)
    #expect(message { _ = try StatedConfigurations.read(file) } == problem)
  }

  @Test func aPatternThatMatchesNothingNamesTheModel() throws {
    #expect(
      message { try convert(sd15, to: out) { $0.selection.included = ["no*"] } }
        == "\(sd15): no tensor matches the pattern 'no*'")
  }

  @Test(
    arguments: [
      ("modelspec.prediction_type", "banana"),
      ("values", ["hyper_parameters": ["parameterization": "banana"]]),
    ] as [(String, JSON)])
  func aStatementThatNobodyUnderstandsIsSaid(key: String, value: JSON) throws {
    let file = scratch.path("said.safetensors")
    try convert(sd15, to: file) { $0.metadata = [key: value] }
    let name = key == "values" ? "parameterization" : key
    let prediction = try convert(file, to: out).prediction
    #expect(prediction?.origin == .assumed)
    #expect(
      prediction?.reason == "assumed: \(name) 'banana' in the metadata is not understood")
    #expect(try convert(sd15, to: out).prediction?.reason == "assumed: nothing in the file says")
  }

  /// diffusers' names for the files of a variant, and of one in shards.
  @Test(arguments: [
    (
      nil as Int?,
      ["config.json", "diffusion_pytorch_model.fp16.safetensors"]
    ),
    (
      200_000,
      [
        "config.json", "diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
        "diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
        "diffusion_pytorch_model.safetensors.index.fp16.json",
      ]
    ),
  ])
  func weightsOfAFolderAreCalledAVariant(limit: Int?, files: [String]) throws {
    let folder = scratch.path("folder")
    try convert(xl, to: folder) {
      $0.variant = "fp16"
      $0.shardBytes = limit
    }
    let found = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/unet")
    #expect(found.sorted() == files)
    let own = try canonicalContents(ofFile: xl).filter { !$0.key.hasPrefix("original.") }
    #expect(try canonicalContents(ofFile: folder) == own)
    #expect(
      try canonicalContents(ofFile: "\(folder)/unet") == own.filter { $0.key.hasPrefix("unet.") })
  }

  @Test(arguments: [("out.ingot", "fp16", "ingot has no variants"), ("out", "a/b", "letters")])
  func variantsThatCannotBeAreRefused(name: String, variant: String, expected: String) throws {
    let found = message { try convert(sd15, to: scratch.path(name)) { $0.variant = variant } }
    #expect(found?.contains(expected) == true, "\(found ?? "none")")
  }

  /// A folder has no file for metadata: the first component's weights hold them.
  @Test func metadataSurviveAFolder() throws {
    try convert(sd15, to: scratch.path("folder")) { $0.metadata = ["modelspec.title": "T"] }
    try convert(scratch.path("folder"), to: out)
    #expect(try Checkpoint.open(path: out).metadata["modelspec.title"] == "T")
  }
}
