import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// What a file says beside its tensors goes along, or a warning says that it does not.
@Suite struct MetadataTests {
  private let scratch: ScratchFolder
  private let sd15 = FixtureFile.path("families/sd15.safetensors")
  private let xl = FixtureFile.path("families/sdxl-base.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private var out: String { scratch.path("out.safetensors") }

  /// A key that a container has for itself, from a file in which it was the user's.
  @Test(arguments: [
    ("general.alignment", "32", "m.gguf"), ("general.file_type", "x", "m.gguf"),
    ("comfy.gguf.orig_shape.a", "x", "m.gguf"), ("components", "mine", "m.ingot"),
    ("source", "mine", "m.ingot"), ("model_index", "mine", "m.ingot"), ("tool", "mine", "m.ingot"),
    ("values", "mine", "m.ckpt"), ("wrapper", "mine", "m.ckpt"), ("format", "np", "m"),
    ("model_index", "mine", "m"),
  ])
  func aKeyThatAContainerHasForItselfIsKept(key: String, value: String, name: String) throws {
    let source = scratch.path("source.safetensors")
    try write([], after: sd15, metadata: [key: .string(value)], to: source)
    let path = scratch.path(name)
    let report = try convert(source, to: path)
    #expect(report.renamedMetadata == [key: "assay.kept.\(key)"])
    try convert(path, to: out)
    #expect(try Checkpoint.open(path: out).metadata[key] == .string(value))
    // A folder's weights are torch's, or transformers would not load them.
    if name == "m" {
      let file = scratch.path("m/unet/diffusion_pytorch_model.safetensors")
      #expect(try Checkpoint.open(path: file).metadata["format"] == "pt")
    }
  }

  @Test func theUsersOwnKeysAreKeptToo() throws {
    let report = try convert(sd15, to: scratch.path("m.ingot")) {
      $0.metadata = ["components": "a", "modelspec.title": "b"]
    }
    #expect(report.renamedMetadata == ["components": "assay.kept.components"])
    let reading = try ModelReader.open(path: scratch.path("m.ingot"))
    #expect(reading.checkpoint.configurations["unet"] != nil)
    #expect(reading.checkpoint.portableMetadata["components"] == "a")
  }

  /// Digests of all bytes are true of the same bytes alone.
  @Test(arguments: [(ElementType?.none, true), (.bfloat16, false)])
  func digestsOfOtherBytesAreLeftOut(type: ElementType?, isKept: Bool) throws {
    let source = scratch.path("source.safetensors")
    let keys = ["modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash"]
    try write(
      [], after: sd15, metadata: JSONObject(keys.map { ($0, "0123") }), to: source)
    try convert(source, to: out) { $0.elementType = type }
    let metadata = try Checkpoint.open(path: out).metadata
    for key in keys { #expect((metadata[key] != nil) == isKept, "\(key)") }
    try convert(source, to: scratch.path("m"))
    let folder = try Checkpoint.open(path: scratch.path("m")).metadata
    for key in keys { #expect(folder[key] == nil, "\(key)") }
  }

  /// What no rule knows goes along with names that are kept, and is told all the same.
  @Test func whatGoesAlongUnexplainedIsTold() throws {
    let source = scratch.path("source.safetensors")
    try write([tensor("foo.bar", [1], [1])], after: sd15, to: source)
    let kept = try convert(source, to: out)
    #expect(kept.keptUnexplained == ["foo.bar"] && kept.ledger.unexplained.isEmpty)
    let mapped = try convert(source, to: scratch.path("m"))
    #expect(mapped.keptUnexplained.isEmpty && mapped.ledger.unexplained == ["foo.bar"])
  }

  @Test func whatHasNoPlaceAtAllIsReported() throws {
    let source = scratch.path("source.safetensors")
    try write([], after: sd15, metadata: ["a": "b", "format": "pt"], to: source)
    let report = try convert(source, to: scratch.path("m.npz"))
    #expect(report.droppedMetadata.contains("a"))
    #expect(!report.droppedMetadata.contains("format"))
  }

  /// `model_index.json` has settings of its own and survives an ingot.
  @Test func aPipelinesSettingsSurviveAnIngot() throws {
    try convert(xl, to: scratch.path("a"))
    let path = scratch.path("a/model_index.json")
    var index = try #require(
      try JSON(parsing: Array(Data(contentsOf: URL(filePath: path)))).objectValue)
    index["force_zeros_for_empty_prompt"] = false
    index["_class_name"] = "StableDiffusionXLImg2ImgPipeline"
    index["my_setting"] = 7
    try scratch.write(JSON.object(index).text(), to: "a/model_index.json")
    try convert(scratch.path("a"), to: scratch.path("m.ingot"))
    try convert(scratch.path("m.ingot"), to: scratch.path("b"))
    let back = try JSON(
      parsing: Array(Data(contentsOf: URL(filePath: scratch.path("b/model_index.json"))))
    ).objectValue
    #expect(Set(back?.members ?? []) == Set(index.members))
    // In a file of tensors it has no meaning.
    try convert(scratch.path("m.ingot"), to: out)
    #expect(try Checkpoint.open(path: out).metadata["model_index"] == nil)
  }

  /// A baked-in VAE of another class is called by its own name.
  @Test func anExchangedComponentIsOfItsOwnClass() throws {
    try convert(xl, to: scratch.path("a"))
    let tiny = try Checkpoint.open(path: FixtureFile.path("families/variants/vae-tiny.safetensors"))
    try scratch.write(tiny.metadata["config"]?.stringValue ?? "", to: "tiny/config.json")
    try write(
      try tiny.source.tensors.indices.map { try tiny.source.tensor(at: $0) },
      to: scratch.path("tiny/diffusion_pytorch_model.safetensors"))
    try convert(scratch.path("a"), to: scratch.path("b")) { $0.vaePath = scratch.path("tiny") }
    let index = try Checkpoint.open(path: scratch.path("b")).metadata["model_index"]
    #expect(index?["vae"] == ["diffusers", "AutoencoderTiny"])
    #expect(
      try contents(ofFile: scratch.path("b")).keys.contains("vae.encoder.layers.0.weight"))
  }

  /// What was assumed is assumed still, once it stands in a configuration.
  @Test(arguments: ["m", "m.ingot"]) func anAssumedPredictionStaysAssumed(name: String) throws {
    let sd21 = FixtureFile.path("families/sd21-base.safetensors")
    let path = scratch.path(name)
    try convert(sd21, to: path)
    let read = try ModelReader.open(path: path).reading.get()
    #expect(read.prediction.type == .velocity && read.prediction.origin == .assumed)
    let report = try convert(path, to: out)
    #expect(report.prediction?.origin == .assumed)
    #expect(try Checkpoint.open(path: out).metadata["modelspec.prediction_type"] == nil)
    // The user's word settles it for good.
    let settled = scratch.path("settled-" + name)
    try convert(path, to: settled, overrides: ConfigurationOverrides(prediction: .epsilon))
    let stated = try ModelReader.open(path: settled).reading.get().prediction
    #expect(stated.type == .epsilon && stated.origin == .configuration)
  }

  /// The note of an assumption is no part of the configuration, and holds as long as the
  /// configuration says what was assumed.
  @Test func anEditedConfigurationIsAStatement() throws {
    try convert(FixtureFile.path("families/sd21-base.safetensors"), to: scratch.path("m"))
    let path = scratch.path("m/scheduler/scheduler_config.json")
    let scheduler = try String(contentsOfFile: path, encoding: .utf8)
    #expect(!scheduler.contains("assum"))
    let edited = scheduler.replacingOccurrences(of: "v_prediction", with: "epsilon")
    #expect(edited != scheduler)
    try edited.write(toFile: path, atomically: true, encoding: .utf8)
    let prediction = try ModelReader.open(path: scratch.path("m")).reading.get().prediction
    #expect(prediction.type == .epsilon && prediction.origin == .configuration)
  }

  /// A statement counts for more than what a scheduler's configuration assumed.
  @Test func aStatementCountsForMoreThanWhatWasAssumed() throws {
    try convert(FixtureFile.path("families/sd21-base.safetensors"), to: scratch.path("m"))
    try convert(scratch.path("m"), to: scratch.path("n.ingot")) {
      $0.metadata = ["modelspec.prediction_type": "epsilon"]
    }
    let reading = try ModelReader.open(path: scratch.path("n.ingot")).reading.get()
    #expect(reading.prediction.type == .epsilon)
    #expect(reading.configurations["scheduler"]?["prediction_type"] == "epsilon")
  }

  /// Playground 2.5 keeps the statistics of its latents as tensors.
  @Test func statisticsOfLatentsReachTheConfigurations() throws {
    let (mean, deviation): ([Float], [Float]) = (
      [-1.6574, 1.886, -1.383, 2.5155], [8.4927, 5.9022, 6.5498, 5.2299]
    )
    let source = scratch.path("source.safetensors")
    try write(
      [tensor("edm_mean", [1, 4, 1, 1], mean), tensor("edm_std", [1, 4, 1, 1], deviation)],
      after: xl, to: source)
    try convert(source, to: scratch.path("m"))
    let configurations = try Checkpoint.open(path: scratch.path("m")).configurations
    #expect(configurations["vae"]?["latents_mean"] == [-1.6574, 1.886, -1.383, 2.5155])
    #expect(configurations["vae"]?["latents_std"] == [8.4927, 5.9022, 6.5498, 5.2299])
    #expect(configurations["vae"]?["scaling_factor"]?.doubleValue == 0.5)
    #expect(configurations["scheduler"]?["_class_name"] == "EDMDPMSolverMultistepScheduler")
    #expect(configurations["scheduler"]?["sigma_data"]?.doubleValue == 0.5)
    try convert(scratch.path("m"), to: out)
    let (back, before) = (try contents(ofFile: out), try contents(ofFile: source))
    for name in ["edm_mean", "edm_std"] { #expect(back[name] == before[name]) }
  }

  @Test func theEndsOfAnEDMScheduleReachTheScheduler() throws {
    let source = scratch.path("source.safetensors")
    try write(
      [tensor("edm_vpred.sigma_max", [], [100]), tensor("edm_vpred.sigma_min", [], [0.004])],
      after: xl, to: source)
    try convert(source, to: scratch.path("m"))
    let scheduler = try Checkpoint.open(path: scratch.path("m")).configurations["scheduler"]
    #expect(scheduler?["sigma_max"]?.doubleValue == 100)
    #expect(scheduler?["sigma_min"]?.doubleValue == 0.004)
  }

  /// A family without a table keeps what a folder says of it on the way through an ingot.
  @Test func aForeignFolderSurvivesAnIngot() throws {
    try scratch.writeWeights(
      ["transformer_blocks.0.attn.add_q_proj.bias"], to: "a/transformer/d.safetensors")
    try FileManager.default.moveItem(
      atPath: scratch.path("a/transformer/d.safetensors"),
      toPath: scratch.path("a/transformer/diffusion_pytorch_model.safetensors"))
    try scratch.write(
      #"{"_class_name": "SD3Transformer2DModel", "num_layers": 1}"#, to: "a/transformer/config.json"
    )
    try scratch.write(#"{"shift": 3.0}"#, to: "a/scheduler/scheduler_config.json")
    try scratch.write(#"{"a": 1}"#, to: "a/tokenizer/vocab.json")
    try scratch.write(
      """
      {"_class_name": "StableDiffusion3Pipeline", "transformer": ["diffusers", "SD3Transformer2DModel"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "tokenizer": ["transformers", "CLIPTokenizer"]}
      """, to: "a/model_index.json")
    try convert(scratch.path("a"), to: scratch.path("m.ingot"))
    try convert(scratch.path("m.ingot"), to: scratch.path("b"))
    let (a, b) = (
      try Checkpoint.open(path: scratch.path("a")), try Checkpoint.open(path: scratch.path("b"))
    )
    #expect(b.configurations == a.configurations)
    #expect(b.metadata["model_index"] == a.metadata["model_index"])
    #expect(try b.attachments.files == a.attachments.files)
    #expect(try contents(of: b.source) == contents(of: a.source))
    #expect(throws: LayoutError.self) {
      try convert(scratch.path("m.ingot"), to: out) { $0.layout = .ldm }
    }
  }

  /// OpenCLIP's encoder without its projection is a plain text model.
  @Test(arguments: ["m", "m.ingot", "m.safetensors"])
  func anEncoderWithoutProjectionIsAPlainTextModel(name: String) throws {
    let source = scratch.path("source.safetensors")
    try convert(xl, to: source) { $0.selection.excluded = ["*text_projection*"] }
    let path = scratch.path(name)
    let report = try convert(source, to: path)
    #expect(report.remarks.count == 1)
    #expect(report.remarks[0].hasPrefix("the second text encoder has no text_projection"))
    let reading = try ModelReader.open(path: path).reading.get()
    #expect(reading.configurations["text_encoder_2"]?["architectures"] == ["CLIPTextModel"])
    if name == "m" {
      let index = try Checkpoint.open(path: path).metadata["model_index"]
      #expect(index?["text_encoder_2"] == ["transformers", "CLIPTextModel"])
    }
    try convert(path, to: out)
    // A folder has no place for what is no part of the model.
    let (back, before) = (
      try canonicalContents(ofFile: out), try canonicalContents(ofFile: source)
    )
    #expect(back == before.filter { name != "m" || !$0.key.hasPrefix("original.") })
  }
}
