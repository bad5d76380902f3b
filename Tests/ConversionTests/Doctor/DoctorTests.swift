import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

/// Every model of `Fixtures/doctor` and `Fixtures/embeddings/variants`: what is found, and what the
/// repair gives.
@Suite struct DoctorTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func examine(
    _ path: String, deep: Bool = true, prediction: PredictionType? = nil,
    type: ElementType? = nil
  ) throws -> Diagnosis {
    try Doctor(
      try ModelReader.open(path: path),
      DoctorSettings(
        isDeep: deep, elementType: type,
        overrides: ConfigurationOverrides(prediction: prediction))
    ).examine()
  }

  /// `warning prefixes` and so on, without the pieces that every fixture lacks: a part of a model is
  /// no whole one.
  private func checks(_ diagnosis: Diagnosis) -> [String] {
    diagnosis.findings.map { "\($0.severity.rawValue) \($0.check)" }
  }

  /// Writes the repaired model and returns its path.
  private func repair(_ diagnosis: Diagnosis, to name: String = "out.safetensors") throws -> String
  {
    let path = scratch.path(name)
    let request = ConversionRequest(output: path, container: try .named(byOutput: path))
    _ = try Converter(diagnosis.repaired, request).run()
    return path
  }

  private struct Expected: Sendable, CustomTestStringConvertible {
    let file: String
    let checks: [String]
    let repaired: String?
    var testDescription: String { file }

    static let all: [Expected] = {
      let file = URL(filePath: FixtureFile.path("doctor/expected.json"))
      let json = (try? JSON(parsing: Array(Data(contentsOf: file)))) ?? .null
      return (json.objectValue?.members ?? []).map { member in
        Expected(
          file: member.key,
          checks: (member.value["checks"]?.arrayValue ?? []).compactMap(\.stringValue),
          repaired: member.value["repaired"]?.stringValue)
      }
    }()
  }

  @Test(arguments: Expected.all)
  private func theDamageIsFoundAndRepaired(expected: Expected) throws {
    let path = FixtureFile.path("doctor/\(expected.file)")
    let diagnosis = try examine(path)
    #expect(checks(diagnosis) == expected.checks)
    for finding in diagnosis.findings {
      #expect(!finding.why.isEmpty)
      #expect(finding.repair != nil || finding.advice != nil)
    }
    guard let repaired = expected.repaired else { return }
    let output = try repair(diagnosis)
    let (found, wanted) = (
      try contents(ofFile: output),
      try contents(ofFile: FixtureFile.path("\(repaired).safetensors"))
    )
    #expect(found == wanted)
    #expect(try examine(output).findings == [])
    #expect(try diagnosis.remaining() == [])
  }

  private static let variants: [(name: String, sound: String, checks: [String])] = [
    ("v-pred", "unet-xl", []), ("v-pred-ztsnr", "unet-xl", []), ("edm-vpred", "unet-xl", []),
    ("edm", "unet-xl", []), ("v-pred-metadata", "unet-xl", ["warning prediction-type"]),
    ("positions-fractions", "text", ["error position-ids"]),
    ("positions-float", "text", ["warning position-ids"]),
    ("positions-missing", "text", ["warning position-ids"]),
    ("positions-misplaced", "text", ["warning position-ids"]),
    ("text-without-text-model", "text", ["warning names"]),
    ("doubled-prefix", "unet", ["warning prefixes"]),
    ("module-in-front", "unet", ["warning prefixes"]),
    ("compiled-in-the-middle", "unet", ["warning prefixes"]),
    ("both-wrappers", "unet", ["warning prefixes"]), ("bare-unet", "unet", []),
    ("vae-old-attention", "vae", ["note names"]), ("vae-bare", "vae", []),
    ("vae-linear-attention", "vae", ["warning names"]),
  ]

  /// What is repaired has the canonical names and bytes of the sound model, and where its own names
  /// were original ones, it is the sound file.
  @Test(arguments: variants)
  func theVariantsAreRepaired(name: String, sound: String, checks expected: [String]) throws {
    let path = FixtureFile.path("embeddings/variants/\(name).safetensors")
    let soundPath = FixtureFile.path("embeddings/variants/\(sound).safetensors")
    let diagnosis = try examine(path)
    // SDXL's U-Net alone does not say what it predicts, and nobody minds.
    #expect(checks(diagnosis).filter { !$0.hasPrefix("note prediction") } == expected)
    let output = try repair(diagnosis)
    func canonical(_ path: String) throws -> [String: Content] {
      try canonicalContents(ofFile: path).filter { !$0.key.hasPrefix("original.") }
    }
    let (found, wanted) = (try canonical(output), try canonical(soundPath))
    #expect(found == wanted)
    #expect(try examine(output).findings.filter { $0.severity != .note } == [])
    let isSameFile = !["bare-unet", "vae-old-attention", "vae-bare"].contains(name)
    if isSameFile, !name.hasPrefix("v-pred"), !name.hasPrefix("edm") {
      let (file, soundFile) = (try contents(ofFile: output), try contents(ofFile: soundPath))
      #expect(file == soundFile)
    }
  }

  @Test func whatIsSoundIsHealthy() throws {
    for name in ["unet", "text", "vae"] {
      let diagnosis = try examine(
        FixtureFile.path("embeddings/variants/\(name).safetensors"))
      #expect(diagnosis.findings == [])
      #expect(diagnosis.changes == [])
      #expect(!diagnosis.isRepairable)
    }
  }

  /// diffusers' names and shapes are as sound as LDM's, in every container that has them.
  @Test(
    arguments: ["sd15", "sdxl-base"], ["out.safetensors", "out.ckpt", "out.ingot", "out.gguf"])
  func diffusersNamesAreHealthy(name: String, output: String) throws {
    let path = scratch.path(output)
    try convert(FixtureFile.path("families/\(name).safetensors"), to: path) {
      $0.layout = output.hasSuffix("ingot") ? nil : .diffusers
    }
    let diagnosis = try examine(path)
    #expect(diagnosis.findings.filter { $0.check != "prediction-type" } == [])
    #expect(diagnosis.changes == [])
  }

  @Test(arguments: [
    "sd15", "sd15-inpainting", "sdxl-base", "sdxl-refiner", "instruct-pix2pix", "controlnet-sd15",
    "ssd-1b", "sd2-depth", "sd21-v",
  ])
  func wholeModelsAreHealthy(name: String) throws {
    let diagnosis = try examine(FixtureFile.path("families/\(name).safetensors"))
    #expect(diagnosis.isHealthy, "\(diagnosis.findings)")
    // Stable Diffusion 2.x has no marker that the usual interfaces look for.
    #expect(diagnosis.changes.count == (name == "sd21-v" ? 1 : 0))
  }

  @Test func aModelThatMayBeOfTwoKindsIsToBeSettled() throws {
    let path = FixtureFile.path("families/sd21-base.safetensors")
    let diagnosis = try examine(path)
    #expect(checks(diagnosis) == ["warning prediction-type"])
    #expect(diagnosis.findings[0].repair == nil)
    let settled = try examine(path, prediction: .velocity)
    #expect(settled.findings[0].repair == "v_prediction, as asked for")
    let output = try repair(settled)
    #expect(try examine(output).findings == [])
    let reading = try ModelReader.open(path: output).reading.get()
    #expect(reading.prediction.type == .velocity)
  }

  @Test(arguments: PredictionType.allCases)
  func aContradictionIsSettledByTheUser(type: PredictionType) throws {
    let path = FixtureFile.path("doctor/contradiction.safetensors")
    let undecided = try examine(path)
    #expect(undecided.findings[0].repair == nil)
    #expect(undecided.changes == [])
    #expect(
      undecided.findings[0].what
        == "two statements contradict each other: v_prediction by the tensor 'v_pred', epsilon by "
        + "modelspec.prediction_type in the metadata")
    let output = try repair(try examine(path, prediction: type))
    #expect(try examine(output).findings == [])
    let reading = try ModelReader.open(path: output).reading.get()
    #expect(reading.prediction.type == type)
    #expect(reading.prediction.origin != .assumed)
  }

  @Test func theTypeOfMultipliedWeightsCanBeChosen() throws {
    let path = FixtureFile.path("doctor/float8.safetensors")
    let output = try repair(try examine(path, type: .float32))
    let source = try Checkpoint.open(path: output).source
    let float8 = Set(
      try Checkpoint.open(path: path).source.tensors.filter { $0.elementType == .float8E4M3FN }
        .map(\.name))
    for tensor in source.tensors {
      #expect(tensor.elementType == (float8.contains(tensor.name) ? .float32 : .float16))
    }
  }

  /// Old → new, tensor by tensor; what stays is not listed.
  @Test func everyChangeIsListed() throws {
    let path = FixtureFile.path("embeddings/variants/positions-misplaced.safetensors")
    let diagnosis = try examine(path)
    let stem = "cond_stage_model.transformer.text_model."
    let position = TensorDescription(
      name: stem + "embeddings.position_ids", elementType: .int64, shape: [1, 77])
    var old = position
    old.name = stem + "encoder.text_model.embeddings.position_ids"
    #expect(
      diagnosis.changes == [TensorChange(check: "position-ids", old: old, new: position)])
    let scales = try examine(FixtureFile.path("doctor/float8.safetensors"))
    let weights = scales.changes.filter { $0.new != nil }
    let dropped = scales.changes.filter { $0.new == nil }
    #expect(weights.allSatisfy { $0.new?.elementType == .float16 && $0.old?.name == $0.new?.name })
    #expect(dropped.count == weights.count + 1)
    #expect(scales.changes.allSatisfy { $0.check == "float8-scales" })
  }

  /// Repaired into every container, the model is the same.
  @Test(arguments: ["out.ckpt", "out.ingot", "out"])
  func theRepairGoesIntoAnyContainer(name: String) throws {
    let diagnosis = try examine(
      FixtureFile.path("embeddings/variants/both-wrappers.safetensors"))
    let output = try repair(diagnosis, to: name)
    let (found, wanted) = (
      try canonicalContents(ofFile: output),
      try canonicalContents(ofFile: FixtureFile.path("embeddings/variants/unet.safetensors"))
    )
    #expect(found == wanted)
  }

  @Test func namesThatWouldMeetAreNotTouched() throws {
    let path = scratch.path("twice.safetensors")
    try write(
      [tensor("module.a.weight", [1], [1]), tensor("module._orig_mod.a.weight", [1], [2])],
      to: path)
    let diagnosis = try examine(path)
    #expect(checks(diagnosis) == ["warning prefixes"])
    #expect(diagnosis.findings[0].repair == nil)
    #expect(diagnosis.changes == [])
  }

  @Test func theNearestNameIsTold() throws {
    let findings = try examine(FixtureFile.path("doctor/misnamed.safetensors")).findings
    let place = "model.diffusion_model.middle_block.0"
    #expect(
      findings[0].what
        == "the U-Net lacks 2 tensors of 206, first '\(place).in_layers.2.weight' [4, 4, 3, 3]; "
        + "nearest that is there: '\(place).in_layer.2.weight'")
  }

  @Test func halfAModelCannotBeWritten() throws {
    let diagnosis = try examine(FixtureFile.path("doctor/misnamed.safetensors"))
    #expect(throws: LayoutError.self) { try repair(diagnosis) }
    #expect(scratch.contents == [])
  }

  @Test func weightsAreReadOnlyWhenAskedFor() throws {
    let path = FixtureFile.path("doctor/not-finite.safetensors")
    #expect(try examine(path, deep: false).findings == [])
    let finding = try examine(path).findings[0]
    #expect(finding.what == "3 NaN or infinite values in 1 tensor")
    #expect(finding.tensors == ["model.diffusion_model.time_embed.2.weight"])
  }
}
