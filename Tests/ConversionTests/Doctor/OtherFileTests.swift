import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Files that are no model of a known family, given to the doctor.
@Suite struct OtherFileTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private static let lora = FixtureFile.path("adapters/kohya.safetensors")

  private func examine(_ path: String) throws -> Diagnosis {
    try Doctor(try ModelReader.open(path: path)).examine()
  }

  /// The LoRA without some of its tensors.
  private func write(without isLeftOut: (Int, String) -> Bool) throws -> String {
    let source = try Checkpoint.open(path: Self.lora).source
    let views = try source.tensors.enumerated().filter { !isLeftOut($0.offset, $0.element.name) }
      .map { try source.tensor(at: $0.offset) }
    let path = scratch.path("lora.safetensors")
    try ConversionTests.write(views, to: path)
    return path
  }

  @Test func aLoRAThatLacksAHalfIsIll() throws {
    let names = try Checkpoint.open(path: Self.lora).source.tensors.map(\.name)
    let up = try #require(names.first { $0.hasSuffix(".lora_up.weight") })
    let diagnosis = try examine(try write { $1 == up })
    let finding = try #require(diagnosis.findings.first)
    #expect(finding.check == "lora-halves" && finding.severity == .error)
    #expect(finding.what.hasPrefix("2 tensors of modules that lack their other half, first '"))
    #expect(finding.tensors.allSatisfy { $0.hasPrefix(up.dropLast(".lora_up.weight".count)) })
    #expect(!diagnosis.isHealthy)
    #expect(try examine(Self.lora).findings.allSatisfy { $0.check != "lora-halves" })
  }

  @Test func aLoRAOfNothingButHalvesIsOneStill() throws {
    let path = try write { $1.hasSuffix(".lora_up.weight") }
    let model = try ModelReader.open(path: path)
    #expect(model.recognisedTitle?.hasPrefix("LoRA") == true)
    #expect(try Doctor(model).examine().findings.first?.check == "lora-halves")
  }

  @Test(arguments: ["a1111.pt", "sdxl.safetensors", "learned_embeds.bin"])
  func aTextualInversionIsToldAsOne(name: String) throws {
    let model = try ModelReader.open(path: FixtureFile.path("embeddings/\(name)"))
    #expect(model.recognisedTitle == "textual inversion")
    let diagnosis = try Doctor(model).examine()
    #expect(diagnosis.isHealthy)
    let finding = try #require(diagnosis.findings.first)
    #expect(finding.check == "embedding" && finding.severity == .note)
    #expect(finding.what.hasSuffix("there is nothing to examine"))
  }

  @Test func aFileWithoutTensorsHasNothingToExamine() throws {
    let path = FixtureFile.path("containers/valid/empty.safetensors")
    do {
      _ = try examine(path)
      Issue.record("it was examined")
    } catch { #expect("\(error)" == "\(path): has no tensors; there is nothing to examine") }
  }

  @Test(arguments: ["double_blocks.0.img_attn.qkv.weight", "joint_blocks.0.x.weight"])
  func aFamilyWithoutATableHasItsTitle(name: String) throws {
    let path = scratch.path("foreign.safetensors")
    try ConversionTests.write([tensor(name, [2], [1, 2])], to: path)
    let title = name.hasPrefix("double") ? "FLUX.1" : "Stable Diffusion 3"
    #expect(try ModelReader.open(path: path).recognisedTitle == title)
    #expect(try convert(path, to: scratch.path("out.ckpt")).recognised == title)
    do {
      try convert(path, to: scratch.path("out.safetensors")) { $0.layout = .ldm }
      Issue.record("it has names in a layout")
    } catch {
      #expect("\(error)" == "\(path): a \(title) model ('\(name)'), whose names stay as they are")
    }
    // What is stated about it has no place either.
    for overrides in [
      ConfigurationOverrides(prediction: .velocity),
      ConfigurationOverrides(configurations: ["unet": ["norm_eps": 1e-6]]),
    ] {
      #expect(throws: LayoutError.self) {
        try convert(path, to: scratch.path("stated.safetensors"), overrides: overrides)
      }
    }
    let known = FixtureFile.path("families/sd15.safetensors")
    #expect(try ModelReader.open(path: known).recognisedTitle == nil)
  }
}
