import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// The pipeline around a model: its class and settings, and the scheduler.
@Suite struct PipelineMetadataTests {
  private let scratch: ScratchFolder
  private let sd15 = FixtureFile.path("families/sd15.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private func edit(
    _ path: String, _ change: (inout JSONObject) -> Void
  ) throws {
    let file = URL(filePath: scratch.path(path))
    var object = try #require(
      try JSON(parsing: Array(Data(contentsOf: file))).objectValue)
    change(&object)
    try Data(JSON.object(object).text().utf8).write(to: file)
  }

  private func index(_ path: String) throws -> JSONObject? {
    try Checkpoint.open(path: scratch.path(path)).metadata["model_index"]?.objectValue
  }

  /// Class, settings and scheduler are a folder's own; nothing in a single file's tensors shows them.
  @Test(arguments: ["s.safetensors", "s.ckpt", "s.ingot"])
  func aFoldersPipelineSurvivesAFile(name: String) throws {
    try convert(sd15, to: scratch.path("a"))
    try edit("a/model_index.json") {
      $0["_class_name"] = "StableDiffusionImg2ImgPipeline"
      $0["requires_safety_checker"] = true
      $0["scheduler"] = ["diffusers", "DPMSolverMultistepScheduler"]
    }
    try edit("a/scheduler/scheduler_config.json") { scheduler in
      scheduler = [
        "_class_name": "DPMSolverMultistepScheduler", "beta_start": 0.001, "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "solver_order": 3, "prediction_type": "epsilon",
        "num_train_timesteps": 1000, "timestep_spacing": "linspace",
      ]
    }
    try convert(scratch.path("a"), to: scratch.path(name)) {
      if name != "s.ingot" { $0.layout = .ldm }
    }
    try convert(scratch.path(name), to: scratch.path("b"))
    let (first, second) = (try index("a"), try index("b"))
    #expect(second?["_class_name"] == "StableDiffusionImg2ImgPipeline")
    #expect(second?["requires_safety_checker"] == true)
    #expect(second?["scheduler"] == ["diffusers", "DPMSolverMultistepScheduler"])
    #expect(Set(first?.keys ?? []) == Set(second?.keys ?? []))
    let schedulers = try ["a", "b"].map {
      try Checkpoint.open(path: scratch.path($0)).configurations["scheduler"]
    }
    for member in schedulers[0]?.members ?? [] {
      #expect(schedulers[1]?[member.key] == member.value, "\(member.key)")
    }
    #expect(schedulers[0]?.count == schedulers[1]?.count)
  }

  /// A field that the folder leaves to its class is not filled in by the family's rule.
  @Test func aFieldThatIsLeftOutStaysOut() throws {
    try convert(sd15, to: scratch.path("a"))
    try edit("a/scheduler/scheduler_config.json") { $0["steps_offset"] = nil }
    try convert(scratch.path("a"), to: scratch.path("s.safetensors")) { $0.layout = .ldm }
    try convert(scratch.path("s.safetensors"), to: scratch.path("b"))
    let scheduler = try Checkpoint.open(path: scratch.path("b")).configurations["scheduler"]
    #expect(scheduler?["_class_name"] == "PNDMScheduler" && scheduler?["skip_prk_steps"] == true)
    #expect(scheduler?["steps_offset"] == nil && scheduler?["beta_end"] == 0.012)
  }

  /// What the family's rule gives is not said.
  @Test func aPublishedPipelineNeedsNoNote() throws {
    try convert(sd15, to: scratch.path("a"))
    try convert(scratch.path("a"), to: scratch.path("s.safetensors"))
    let metadata = try Checkpoint.open(path: scratch.path("s.safetensors")).metadata
    #expect(metadata["assay.pipeline"] == nil)
  }

  /// `--config` takes the class from the folder, or from its index alone.
  @Test(arguments: ["configuration", "configuration/model_index.json"])
  func aStatedIndexNamesThePipeline(path: String) throws {
    try scratch.write(
      #"{"_class_name": "StableDiffusionImg2ImgPipeline", "unet": ["diffusers", "Other"]}"#,
      to: "configuration/model_index.json")
    let overrides = ConfigurationOverrides(
      configurations: try StatedConfigurations.read(scratch.path(path)))
    try convert(sd15, to: scratch.path("m"), overrides: overrides)
    #expect(try index("m")?["_class_name"] == "StableDiffusionImg2ImgPipeline")
    #expect(try index("m")?["unet"] == ["diffusers", "UNet2DConditionModel"])
  }

  /// Another scheduler than the family's has none of the fields of the family's.
  @Test func aStatedSchedulerBringsItsOwnFields() throws {
    try scratch.write(
      #"{"_class_name": "DDPMScheduler", "beta_end": 0.02, "variance_type": "fixed_small"}"#,
      to: "scheduler_config.json")
    let overrides = ConfigurationOverrides(
      configurations: try StatedConfigurations.read(scratch.path("scheduler_config.json")))
    try convert(sd15, to: scratch.path("m"), overrides: overrides)
    let scheduler = try Checkpoint.open(path: scratch.path("m")).configurations["scheduler"]
    #expect(scheduler?["_class_name"] == "DDPMScheduler")
    #expect(scheduler?["beta_end"] == 0.02 && scheduler?["variance_type"] == "fixed_small")
    #expect(scheduler?["beta_start"] == 0.00085)
    #expect(scheduler?["skip_prk_steps"] == nil)
  }

  /// The channels beside the latents tell, however many the latents have.
  @Test(arguments: [
    (4, 4, ConcatenatedCondition.nothing), (5, 4, .depthMap), (8, 4, .picture),
    (9, 4, .maskedPicture), (8, 8, .nothing), (16, 16, .nothing), (16, 8, .picture),
    (17, 8, .maskedPicture), (33, 16, .maskedPicture), (6, 4, nil), (2, 4, nil), (4, 0, nil),
  ])
  func channelsTellTheCondition(input: Int, latents: Int, condition: ConcatenatedCondition?) {
    #expect(
      ConcatenatedCondition(inputChannels: input, latentChannels: latents) == condition)
    #expect(
      ConcatenatedCondition(unet: [
        "in_channels": .integer(input), "out_channels": .integer(latents),
      ])
        == condition)
  }
}
