import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// The prediction type is settled in a documented order and carried both ways.
@Suite struct PredictionTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func variant(_ name: String) -> String {
    FixtureFile.path("embeddings/variants/\(name).safetensors")
  }

  private func prediction(_ path: String) throws -> Prediction {
    try ModelReader.open(path: path).reading.get().prediction
  }

  @Test(arguments: [
    (
      "unet-xl", PredictionType.epsilon, Prediction.Schedule.discrete,
      "assumed: nothing in the file says"
    ),
    ("v-pred", .velocity, .discrete, "by the tensor 'v_pred'"),
    ("v-pred-ztsnr", .velocity, .zeroTerminalSNR, "by the tensor 'v_pred'"),
    ("edm-vpred", .velocity, .continuous, "by the tensor 'edm_vpred.sigma_max'"),
    ("edm", .epsilon, .continuous, "by the tensor 'edm_mean'"),
    (
      "v-pred-metadata", .velocity, .discrete, "by modelspec.prediction_type in the metadata"
    ),
  ])
  func markersAndMetadataSettleIt(
    name: String, type: PredictionType, schedule: Prediction.Schedule, reason: String
  ) throws {
    let found = try prediction(variant(name))
    #expect(found.type == type)
    #expect(found.schedule == schedule)
    #expect(found.reason == reason)
  }

  /// From a marker through a scheduler's configuration to a marker again.
  @Test(arguments: [("v-pred", ["v_pred"]), ("v-pred-ztsnr", ["v_pred", "ztsnr"])])
  func itIsCarriedThroughAFolder(name: String, markers: [String]) throws {
    let whole = FixtureFile.path("families/sdxl-base.safetensors")
    let views = try markers.map { name in
      let source = try Checkpoint.open(path: variant("v-pred-ztsnr")).source
      let place = try #require(source.tensors.firstIndex { $0.name == name })
      return try source.tensor(at: place)
    }
    try write(views, after: whole, to: scratch.path("marked.safetensors"))
    try convert(scratch.path("marked.safetensors"), to: scratch.path("folder"))
    let scheduler = try #require(
      try Checkpoint.open(path: scratch.path("folder")).configurations["scheduler"])
    #expect(scheduler["prediction_type"] == "v_prediction")
    #expect(scheduler["rescale_betas_zero_snr"] == (markers.count == 2 ? true : nil))
    let report = try convert(scratch.path("folder"), to: scratch.path("back.safetensors"))
    #expect(report.markers == markers)
    let back = try Checkpoint.open(path: scratch.path("back.safetensors"))
    #expect(markers.allSatisfy { name in back.source.tensors.contains { $0.name == name } })
    #expect(back.metadata["modelspec.prediction_type"] == "v")
    #expect(try prediction(scratch.path("back.safetensors")).origin == .marker("v_pred"))
  }

  @Test func theUsersWordCountsForMost() throws {
    for (name, type) in [("v-pred", PredictionType.epsilon), ("unet-xl", .velocity)] {
      let report = try convert(
        variant(name), to: scratch.path("\(name).ingot"),
        overrides: ConfigurationOverrides(prediction: type))
      #expect(report.prediction?.type == type)
      #expect(report.prediction?.origin == .request)
      let ingot = scratch.path("\(name).ingot")
      let scheduler = try Checkpoint.open(path: ingot).configurations["scheduler"]
      #expect(scheduler?["prediction_type"] == .string(type.rawValue))
      #expect(try prediction(ingot).origin == .configuration)
    }
  }

  /// Stable Diffusion 2.x's checkpoints are told apart by their steps of training.
  @Test(arguments: [
    (JSON.integer(875_000), PredictionType.epsilon, true), (.integer(110_000), .velocity, true),
    (.integer(5), .velocity, false), (.null, .velocity, false),
  ])
  func stepsTellStableDiffusion2(step: JSON, type: PredictionType, isTold: Bool) throws {
    let tensors = try Checkpoint.open(
      path: FixtureFile.path("families/sd21-base.safetensors")
    ).source.tensors
    let found = try LayoutReading(of: tensors, metadata: ["values": ["global_step": step]])
      .prediction
    #expect(found.type == type)
    #expect(found.origin == (isTold ? .metadata("global_step") : .assumed))
  }

  /// One number for all levels, or the same once a level; nothing that no model can be.
  @Test(arguments: [
    ("unet", "layers_per_block", JSON.array([1, 1, 1]), nil as String?),
    ("unet", "cross_attention_dim", .array([12, 12, 12]), nil), ("unet", "in_channels", .null, nil),
    ("unet", "norm_num_groups", 7, "says norm_num_groups 7, expected a divisor of [8, 12, 16]"),
    ("unet", "norm_num_groups", 0, "says norm_num_groups 0, expected a whole number from 1 up"),
    (
      "unet", "layers_per_block", .array([1, 2, 1]),
      "says layers_per_block [1,2,1], its tensors say 1"
    ),
    (
      "scheduler", "prediction_type", "foo",
      "says prediction_type \"foo\", expected epsilon, v_prediction, sample"
    ),
  ])
  func configurationsAreHeldAgainstTheTensors(
    component: String, field: String, value: JSON, problem: String?
  ) throws {
    let model = try ModelReader.open(
      path: FixtureFile.path("families/sd15.safetensors"),
      overrides: ConfigurationOverrides(configurations: [component: JSONObject([(field, value)])]))
    switch model.reading {
    case .success: #expect(problem == nil)
    case .failure(let error):
      #expect(problem.map(error.description.contains) == true, "\(error)")
    }
  }

  @Test func aConfigurationThatContradictsTheTensorsIsRefused() throws {
    let overrides = ConfigurationOverrides(configurations: ["unet": ["in_channels": 9]])
    let error = #expect(throws: LayoutError.self) {
      try convert(
        variant("unet"), to: scratch.path("m.ingot"), overrides: overrides)
    }
    #expect(
      error?.description.hasSuffix(
        "the configuration of 'unet' says in_channels 9, its tensors say 4") == true)
  }
}

/// Two statements about one model.
@Suite struct ContradictionTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  /// A marker counts for more than the metadata; both stay as they are, and that is said.
  @Test func aContradictionIsSaidAndStays() throws {
    let path = scratch.path("m.safetensors")
    try write(
      [tensor("v_pred", [0], [])], after: FixtureFile.path("families/sdxl-base.safetensors"),
      metadata: ["modelspec.prediction_type": "epsilon"], to: path)
    let report = try convert(path, to: scratch.path("out.safetensors"))
    #expect(report.prediction?.type == .velocity)
    #expect(report.remarks.contains { $0.hasPrefix("two statements contradict each other") })
    let out = try Checkpoint.open(path: scratch.path("out.safetensors"))
    #expect(out.metadata["modelspec.prediction_type"] == "epsilon")
    #expect(out.source.tensors.contains { $0.name == "v_pred" })
    // The user's word settles it.
    let settled = try convert(
      path, to: scratch.path("settled.safetensors"),
      overrides: ConfigurationOverrides(prediction: .velocity))
    #expect(!settled.remarks.contains { $0.hasPrefix("two statements") })
    let metadata = try Checkpoint.open(path: scratch.path("settled.safetensors")).metadata
    #expect(metadata["modelspec.prediction_type"] == "v")
  }
}
