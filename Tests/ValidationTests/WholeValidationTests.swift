import DiffusionModels
import Foundation
import Generation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Validation

/// Every component and whole generations of the small model of `Fixtures/models`, against what
/// `capture_reference.py` recorded.
@Suite struct WholeValidationTests {
  private let model: CanonicalModel
  private let reference: ReferenceBundle

  init() throws {
    model = try PipelineModel().model
    reference = try ReferenceBundle(path: PipelineModel.reference)
  }

  @Test func everythingPassesInOrder() throws {
    var seen: [ValidationProgress] = []
    let validator = try Validator(model: model, reference: reference)
    let report = try validator.validateAll { seen.append($0) }
    #expect(report.isPassed, "\(report.junit)")
    #expect(report.verdicts.map(\.component) == ComponentName.allCases)
    #expect(report.verdicts.allSatisfy { $0.outcome == .passed })
    #expect(
      report.verdicts.flatMap(\.checks).suffix(3).map(\.name) == [
        "picture 3, EulerDiscrete, 15 steps, seed 1026", "picture 3, final latents",
        "picture 3, initial noise",
      ])
    // One call a component, then one an evaluation: PNDM's 6 steps are 7.
    #expect(seen.prefix(6).map(\.component) == ComponentName.allCases)
    #expect(seen.dropFirst(6).count == 7 + 20 + 15)
    #expect(seen.last?.part == 3)
    #expect(seen.last?.parts == 3)
    #expect(seen.last?.done == 15)
  }

  @Test func aBrokenComponentKeepsGenerationFromRunning() throws {
    let name = "vae.decoder.conv_norm_out.weight"
    // The sign of a float16 weight.
    let broken = try model.editing(name) { $0[1] ^= 0x80 }
    let report = try Validator(model: broken, reference: reference).validateAll()
    #expect(!report.isPassed)
    #expect(report.verdicts[3].outcome == .failed)
    #expect(
      report.verdicts[5].outcome == .skipped(reason: "not run, because vae failed"))
    let failed = report.verdicts[3].checks.filter { !$0.isPassed }
    #expect(failed.map(\.name) == ["decode", "round trip"])
    #expect(failed.first?.firstBlock == nil)
    #expect(
      failed.first?.remark
        == "every traced block is good: the difference lies behind decoder.up_blocks.3")
  }

  /// The samplers are the model's: another configuration is another model.
  @Test(arguments: [
    ("beta_end", JSON.number(0.02)), ("prediction_type", "v_prediction"),
    ("skip_prk_steps", false),
  ])
  func anotherSchedulerConfigurationFails(field: String, value: JSON) throws {
    var other = model
    other.configurations["scheduler"]?[field] = value
    let report = try Validator(model: other, reference: reference).validate(.scheduler)
    #expect(report.verdicts[0].outcome == .failed)
    let first = try #require(report.verdicts[0].checks.first)
    #expect(!first.isPassed)
    if field == "skip_prk_steps" {
      #expect(
        first.failure == "pndm: timesteps: max abs error inf, relative error inf; expected "
          + "identical; 'skip_prk_steps' is false in the model, true in the reference")
    } else {
      #expect(first.remark?.hasPrefix("'\(field)' is \(value.text()) in the model, ") == true)
    }
    let euler = report.verdicts[0].checks.filter { $0.name.hasPrefix("euler") }
    #expect(euler.count == 4 && euler.filter(\.isPassed).count == 4)
  }

  /// A diffusers folder spells out defaults that a checkpoint does not, and so says what other
  /// samplers take over; the pictures of the model's own are the same.
  @Test func defaultsThatAFileSpellsOutAreNoDifference() throws {
    var other = model
    other.configurations["scheduler"]?["timestep_spacing"] = "leading"
    other.configurations["scheduler"]?["clip_sample"] = nil
    let report = try Validator(model: other, reference: reference).validateAll()
    #expect(report.isPassed, "\(report.junit)")
  }

  @Test func anUnknownSchedulerIsNamed() throws {
    var other = model
    other.configurations["scheduler"]?["_class_name"] = "MysteryScheduler"
    let validator = try Validator(model: other, reference: reference)
    #expect(throws: GenerationError.self) { try validator.validate(.scheduler) }
  }

  @Test func aModelOfOneComponentIsCheckedByItsOwnProbes() throws {
    var lone = model
    lone.tensors = try LoneComponent(model, "unet")
    let validator = try Validator(model: lone, reference: reference)
    #expect(try validator.validate(.unet).isPassed)
    #expect(throws: LayoutError(.absent([.vae]), origin: lone.origin)) {
      try validator.validate(.vae)
    }
  }

  private struct LoneComponent: TensorSource {
    let views: [TensorView]
    var tensors: [TensorDescription] { views.map(\.description) }

    init(_ model: CanonicalModel, _ component: String) throws {
      views = try model.tensors.tensors.indices.map { try model.tensors.tensor(at: $0) }
        .filter { $0.name.hasPrefix(component + ".") }
    }

    func tensor(at index: Int) -> TensorView { views[index] }
  }

  @Test(arguments: [
    ("encoder.down_blocks.1.resnets.0", "conv1.weight", "encoder.down_blocks.0"),
    ("encoder.mid_block.attentions.0", "to_v.weight", "encoder.mid_block.resnets.0"),
    ("decoder.up_blocks.2.resnets.1", "conv2.weight", "decoder.up_blocks.2.resnets.0"),
  ])
  func theBlockOfTheAutoencoderIsNamed(block: String, weight: String, before: String) throws {
    let broken = try model.editing("vae.\(block).\(weight)") { $0[1] ^= 0x80 }
    let checks = try Validator(model: broken, reference: reference).validate(.vae).verdicts[0]
      .checks
    let first = try #require(checks.first { !$0.isPassed }?.firstBlock)
    #expect(first.block == block)
    #expect(first.lastGoodBlock == before)
  }

  @Test func generationAloneRunsAndFails() throws {
    let broken = try model.editing("vae.decoder.conv_norm_out.weight") { $0[1] ^= 0x80 }
    let report = try Validator(model: broken, reference: reference).validate(.generation)
    #expect(!report.isPassed)
    #expect(
      report.verdicts[0].checks.prefix(3).map(\.isPassed) == [false, true, true])
  }

  @Test(arguments: [
    ("clip", "text_encoder.text_model.final_layer_norm.weight"),
    ("unet", "unet.up_blocks.0.resnets.0.conv1.weight"),
    ("vae", "vae.encoder.mid_block.resnets.0.norm1.bias"),
  ])
  func aWeightThatIsNoNumberIsNamed(component: String, tensor: String) throws {
    // float16's quiet NaN, and an infinity.
    let broken = try model.editing(tensor) { $0.replaceSubrange(0..<4, with: [0, 0x7E, 0, 0x7C]) }
    let validator = try Validator(model: broken, reference: reference)
    let name = try #require(ComponentName(rawValue: component))
    let check = try #require(try validator.validate(name).verdicts[0].checks.first)
    #expect(!check.isPassed)
    #expect(check.remark == "tensor '\(tensor)' holds 2 values that are NaN or infinite")
    #expect(check.failure.contains("values are not finite"))
  }

  @Test func tokensOutsideTheVocabularyAreNamed() throws {
    var file = ReferenceFile()
    file.metadata["components"] = #"["clip"]"#
    file.metadata["probes"] = #"{"unet.conv_in.bias": [16]}"#
    let place = try #require(
      model.tensors.tensors.firstIndex { $0.name == "unet.conv_in.bias" })
    let bias = try model.tensors.tensor(at: place).withBytes { bytes in
      (0..<8).map { Float(bytes.unsafeLoadUnaligned(fromByteOffset: 2 * $0, as: Float16.self)) }
    }
    file.add("probe/unet.conv_in.bias", shape: [8], floats: bias)
    file.add("clip/ids", shape: [1, 2], integers: [7, 49406])
    let path = try file.write()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let validator = try Validator(model: model, reference: try ReferenceBundle(path: path))
    let error = #expect(throws: ReferenceError.self) { try validator.validate(.clip) }
    #expect(
      error?.description
        == "\(path): tensor 'clip/ids': token 49406 lies outside the vocabulary of 1514")
  }
}
