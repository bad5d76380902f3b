import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// A random model of every family, whose original names diffusers' own converters have read.
@Suite struct FamilyConversionTests {
  static let names = [
    "sd15", "sd15-inpainting", "instruct-pix2pix", "sd21-base", "sd21-v", "sd2-inpainting",
    "sd2-depth", "sdxl-base", "sdxl-inpainting", "sdxl-refiner", "ssd-1b", "controlnet-sd15",
    "controlnet-sdxl",
  ]
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func fixture(_ name: String) -> String {
    FixtureFile.path("families/\(name).safetensors")
  }

  /// Through an ingot and through a single file in diffusers' names nothing is lost that cannot be
  /// made again; through a folder nothing that a pipeline has a place for.
  @Test(arguments: names, ["m.ingot", "m.safetensors", "m"])
  func everyTensorSurvivesThereAndBack(name: String, through middle: String) throws {
    let middle = scratch.path(middle)
    try convert(fixture(name), to: middle) {
      if $0.container == .safetensors { $0.layout = .diffusers }
    }
    let report = try convert(middle, to: scratch.path("back.safetensors")) { $0.layout = .ldm }
    #expect(report.ledger.isClean, "\(report.ledger.summary)")
    let original = try contents(ofFile: fixture(name))
    let back = try contents(ofFile: scratch.path("back.safetensors"))
    #expect(back.allSatisfy { original[$0.key] == $0.value })
    let isFolder = try Checkpoint.open(path: middle).format == .diffusers
    for lost in original.keys where back[lost] == nil {
      let isKnown =
        lost.hasSuffix("position_ids") || lost.contains("alphas_cumprod") || lost == "betas"
        || (isFolder
          && ["logit_scale", "text_projection", ".23."].contains(where: lost.contains))
      #expect(isKnown, "\(lost)")
    }
  }

  /// What is written as a folder has each network's tensors under its class's own names.
  @Test(arguments: names)
  func aFolderHoldsWhatItsIndexNames(name: String) throws {
    try convert(fixture(name), to: scratch.path("m"))
    let files = try JSON(
      parsing: Array(
        Data(contentsOf: URL(filePath: FixtureFile.path("families/\(name).json")))))
    let folder = try Checkpoint.open(path: scratch.path("m"))
    for (component, configuration) in folder.configurations {
      let file = component == "scheduler" ? "scheduler/scheduler_config" : "\(component)/config"
      guard let saved = files["\(file).json"]?.objectValue else {
        #expect(name.hasPrefix("controlnet"), "\(component)")
        continue
      }
      for field in ["in_channels", "block_out_channels", "cross_attention_dim", "hidden_size"] {
        #expect(configuration[field] == saved[field], "\(component).\(field)")
      }
    }
    let index = folder.metadata["model_index"]?.objectValue
    let saved = files["model_index.json"]?.objectValue
    #expect((index == nil) == (saved == nil))
    #expect(index?["_class_name"] == saved?["_class_name"])
    let isNetwork: (JSONObject?) -> [String] = { index in
      (index?.members ?? []).filter {
        $0.value.arrayValue?.first?.stringValue != nil && $0.key != "depth_estimator"
          && !$0.key.hasPrefix("tokenizer") && $0.key != "feature_extractor"
      }.map(\.key).sorted()
    }
    #expect(isNetwork(index) == isNetwork(saved))
  }

  /// The files of the configurations say what a tensor cannot.
  @Test(arguments: names.filter { !$0.hasPrefix("controlnet") })
  func statedConfigurationsReachTheResult(name: String) throws {
    let files = try JSON(
      parsing: Array(
        Data(contentsOf: URL(filePath: FixtureFile.path("families/\(name).json")))))
    let folder = scratch.path("configurations")
    for member in files.objectValue?.members ?? [] {
      let file = URL(filePath: "\(folder)/\(member.key)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(member.value.text().utf8).write(to: file)
    }
    let overrides = ConfigurationOverrides(
      configurations: try StatedConfigurations.read(folder))
    try convert(fixture(name), to: scratch.path("m.ingot"), overrides: overrides)
    let ingot = try Checkpoint.open(path: scratch.path("m.ingot"))
    for component in ["unet", "vae", "text_encoder", "text_encoder_2", "scheduler"] {
      let file = component == "scheduler" ? "scheduler/scheduler_config" : "\(component)/config"
      guard let saved = files["\(file).json"]?.objectValue else { continue }
      let written = try #require(ingot.configurations[component])
      for member in saved.members {
        #expect(written[member.key] == member.value, "\(component).\(member.key)")
      }
    }
  }
}
