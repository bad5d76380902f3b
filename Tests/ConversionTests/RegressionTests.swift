import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Defects that a review found, each as it showed.
@Suite struct RegressionTests {
  private let scratch: ScratchFolder
  private let sd15 = FixtureFile.path("families/sd15.safetensors")
  private let sd21 = FixtureFile.path("families/sd21-base.safetensors")
  private let xl = FixtureFile.path("families/sdxl-base.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private var out: String { scratch.path("out.safetensors") }

  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  /// The comparison with what was written once looked for the one file, and removed what was there.
  @Test func aCertifiedConversionIntoShardsLeavesOtherFilesAlone() throws {
    try FileManager.default.copyItem(atPath: sd15, toPath: out)
    let before = try contents(ofFile: out)
    let report = try convert(out, to: out) {
      $0.isCertified = true
      $0.shardBytes = 100_000
      $0.elementType = .float32
    }
    #expect(report.certificate?.isIdentical == true)
    #expect(try contents(ofFile: out) == before)
    #expect(try contents(ofFile: out + ".index.json").count == before.count)
  }

  /// Markers that were there once outlived the user's word.
  @Test(arguments: ["m.safetensors", "m.ckpt", "m.npz", "m.ingot"])
  func theUsersWordOutlivesMarkers(name: String) throws {
    let marked = scratch.path("marked.safetensors")
    try write([tensor("v_pred", [0], []), tensor("ztsnr", [0], [])], after: xl, to: marked)
    let path = scratch.path(name)
    try convert(marked, to: path, overrides: ConfigurationOverrides(prediction: .epsilon))
    let found = try ModelReader.open(path: path).reading.get().prediction
    #expect(found.type == .epsilon && found.schedule == .discrete)
    try convert(path, to: scratch.path("again.safetensors")) { $0.layout = .ldm }
    let again = try Checkpoint.open(path: scratch.path("again.safetensors")).source.tensors
    #expect(!again.contains { $0.name == "v_pred" || $0.name == "ztsnr" })
  }

  @Test func theUsersWordLeavesTheSchedule() throws {
    let marked = scratch.path("marked.safetensors")
    try write([tensor("v_pred", [0], []), tensor("ztsnr", [0], [])], after: xl, to: marked)
    let report = try convert(
      marked, to: scratch.path("m"), overrides: ConfigurationOverrides(prediction: .velocity))
    #expect(report.prediction?.schedule == .zeroTerminalSNR)
    let scheduler = try Checkpoint.open(path: scratch.path("m")).configurations["scheduler"]
    #expect(scheduler?["rescale_betas_zero_snr"] == true)
  }

  /// EDM's schedule had no marker on its way back.
  @Test func edmSurvivesAFolder() throws {
    let marked = scratch.path("marked.safetensors")
    try write(
      [tensor("edm_vpred.sigma_max", [], [120]), tensor("edm_vpred.sigma_min", [], [0.002])],
      after: xl, to: marked)
    try convert(marked, to: scratch.path("m"))
    try convert(scratch.path("m"), to: out)
    let found = try ModelReader.open(path: out).reading.get().prediction
    #expect(found.type == .velocity && found.schedule == .continuous)
  }

  /// Without LDM's names, or without metadata, the type was lost in silence.
  @Test(arguments: [("m.safetensors", Layout.diffusers), ("m.npz", .ldm), ("m.npz", .diffusers)])
  func everyFileOfTensorsSaysWhatIsPredicted(name: String, layout: Layout) throws {
    try convert(
      sd15, to: scratch.path("v"), overrides: ConfigurationOverrides(prediction: .velocity))
    try convert(scratch.path("v"), to: scratch.path(name)) { $0.layout = layout }
    #expect(
      try ModelReader.open(path: scratch.path(name)).reading.get().prediction.type == .velocity)
  }

  /// Averages under other prefixes were passed over, and strays vanished.
  @Test func averagesFitAnyPrefixAndNoneIsStray() throws {
    let renamed = scratch.path("renamed.json")
    try Data(#"{"model.diffusion_model": "unet"}"#.utf8).write(to: URL(filePath: renamed))
    let odd = scratch.path("odd.safetensors")
    try convert(sd15, to: odd, names: try RenameRules(file: renamed))
    let trained = scratch.path("trained.safetensors")
    try write(
      [tensor("model_ema.diffusion_modelout2bias", [4], [1, 2, 3, 4])], after: odd, to: trained)
    let report = try convert(trained, to: out, averages: .prefer)
    let average = try contents(ofFile: trained)["model_ema.diffusion_modelout2bias"]
    #expect(try contents(ofFile: out)["unet.out.2.bias"] == average)
    #expect(
      report.ledger.ignored.contains {
        $0.reason == "EMA copy in the place of a weight" && $0.count == 1
      })
    try write([tensor("model_ema.diffusion_modelfoo", [1], [1])], after: odd, to: trained)
    #expect(
      message { try convert(trained, to: out, averages: .prefer) }?
        .hasSuffix("'model_ema.diffusion_modelfoo' is the average of no weight of the U-Net")
        == true)
  }

  /// A VAE alone was taken for Stable Diffusion 1.x's, whatever it went into.
  @Test func aBakedInVAEIsOfTheModelsFamily() throws {
    let lone = scratch.path("vae.safetensors")
    try convert(xl, to: lone) { $0.selection.components = [.vae] }
    try convert(xl, to: scratch.path("m")) { $0.vaePath = lone }
    let vae = try Checkpoint.open(path: scratch.path("m")).configurations["vae"]
    #expect(vae?["scaling_factor"]?.doubleValue == 0.13025)
    #expect(vae?["force_upcast"] == true)
  }

  /// A pattern for one part of a fused tensor hit all three.
  @Test func aPartOfAFusedTensorIsExcludedAlone() throws {
    try convert(sd21, to: out) {
      $0.layout = .diffusers
      $0.selection.excluded = ["*q_proj*"]
    }
    let names = try contents(ofFile: out).keys
    #expect(!names.contains { $0.contains("q_proj") })
    #expect(names.count { $0.contains("k_proj.weight") } == 23)
  }

  @Test func aDoubledPrefixOfATextEncoderIsRead() throws {
    let rules = scratch.path("rules.json")
    let prefix = "cond_stage_model.transformer"
    try Data("{\"\(prefix)\": \"\(prefix).\(prefix)\"}".utf8).write(to: URL(filePath: rules))
    try convert(sd15, to: out, names: try RenameRules(file: rules))
    #expect(try canonicalContents(ofFile: out) == canonicalContents(ofFile: sd15))
  }

  @Test func aControlNetOfAnotherWidthIsRefused() throws {
    let control = FixtureFile.path("families/controlnet-sdxl.safetensors")
    let source = try Checkpoint.open(path: control).source
    let views = try source.tensors.indices.map { try source.tensor(at: $0) }
    try write(views, after: sd15, to: out)
    #expect(
      message { try convert(out, to: scratch.path("m.ingot")) }?
        .contains("the ControlNet attends to texts of width 28") == true)
  }

  /// Statements about models with other prefixes, a baked-in VAE or a selection were wrong.
  @Test func certificatesHoldForOddNamesAndSelections() throws {
    let rules = scratch.path("rules.json")
    try Data(#"{"model.diffusion_model.*": "*", "first_stage_model": "vae"}"#.utf8)
      .write(to: URL(filePath: rules))
    let bare = scratch.path("bare.safetensors")
    try convert(sd15, to: bare, names: try RenameRules(file: rules))
    let plain = try convert(bare, to: scratch.path("a.ingot")) { $0.isCertified = true }
    #expect(plain.certificate?.isIdentical == true, "\(plain.certificate?.statement ?? "")")
    let grafted = try convert(sd15, to: scratch.path("b.ingot")) {
      $0.isCertified = true
      $0.vaePath = FixtureFile.path("families/sd15-inpainting.safetensors")
    }
    #expect(grafted.certificate?.isIdentical == true)
    #expect((grafted.certificate?.compared ?? 0) < 400)
    for name in ["c.safetensors", "c.ingot"] {
      let part = try convert(sd15, to: scratch.path(name)) {
        $0.isCertified = true
        $0.selection.included = ["*attn2*"]
      }
      #expect(part.certificate?.isIdentical == true)
      #expect((part.certificate?.compared ?? 0) > 10)
    }
    try convert(scratch.path("a.ingot"), to: out)
    #expect(try Checkpoint.open(path: out).portableMetadata["assay.certificate"] == nil)
  }

  @Test func anEmptySelectionIsRefused() throws {
    #expect(
      message {
        try convert(sd15, to: out) {
          $0.selection = TensorSelection(included: ["*"], excluded: ["*"])
        }
      } == "\(sd15): no tensor is left of what was asked for")
  }

  /// A layout that is asked for is written in its own spelling.
  @Test func anExplicitLayoutNormalisesNames() throws {
    let rules = scratch.path("rules.json")
    try Data(#"{"model": "module.model"}"#.utf8).write(to: URL(filePath: rules))
    let wrapped = scratch.path("wrapped.safetensors")
    try convert(sd15, to: wrapped, names: try RenameRules(file: rules))
    try convert(wrapped, to: out) { $0.layout = .ldm }
    let names = try contents(ofFile: out).keys
    #expect(!names.contains { $0.hasPrefix("module.") })
  }

  /// Its activation tells what its names and a small width do not.
  @Test func aTextEncodersIngotRemembersWhoseItIs() throws {
    let ingot = scratch.path("text.ingot")
    try convert(sd21, to: ingot) { $0.selection.components = [.textEncoder] }
    try convert(ingot, to: out)
    #expect(try contents(ofFile: out).keys.allSatisfy { $0.hasPrefix("cond_stage_model.model.") })
    try convert(ingot, to: scratch.path("folder"))
    let configuration = try Checkpoint.open(path: scratch.path("folder")).configurations
    #expect(configuration["text_encoder"]?["hidden_act"] == "gelu")
  }

  @Test func wishesThatComeToNothingAreRefused() throws {
    #expect(
      message { try convert(sd15, to: out) { $0.componentTypes = [.controlNet: .float16] } }
        == "\(sd15): has no ControlNet")
    #expect(
      message {
        try convert(sd15, to: out) {
          $0.vaePath = FixtureFile.path("families/sd15-inpainting.safetensors")
          $0.selection.components = [.unet]
        }
      } == "\(out): a VAE is to be baked in and is not among the components")
  }

  @Test func veryDeepNamesTakeNoTime() throws {
    let deep = (0..<50).map { tensor("a\($0)." + String(repeating: "b.", count: 20_000), [1], [1]) }
    try write(deep, after: sd15, to: out)
    let start = ContinuousClock.now
    let reading = try ModelReader.open(path: out).reading.get()
    #expect(reading.ledger.unexplained.count == 50)
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}
