import Checkpoints
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

/// Merges of float8 weights with scales beside them: what is merged are the weights, not the numbers
/// that stand for them.
@Suite struct ScaledMergeTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private static func path(_ name: String) -> String {
    FixtureFile.path("quantised/\(name).safetensors")
  }

  private func request(_ name: String, _ type: ElementType?) throws -> ConversionRequest {
    ConversionRequest(
      output: scratch.path(name), container: try .named(byOutput: name), elementType: type)
  }

  private func merge(
    lora: String, into model: String, to name: String, type: ElementType?
  ) throws {
    let adapter = try Adapter.open(path: lora)
    _ = try Merger(try ModelReader.open(path: model), try request(name, type)).run(
      adapters: [AdapterMerge.Application(adapter, strength: 0.5)])
  }

  private func mix(_ models: [String], to name: String, type: ElementType?) throws {
    let opened = try models.map { try ModelReader.open(path: $0) }
    _ = try Merger(opened[0], try request(name, type)).run(
      .weightedSum, with: Array(opened.dropFirst()), ratios: BlockRatios(0.25))
  }

  /// The model with its scales multiplied in, as float32.
  private func widened(_ name: String) throws -> String {
    let output = scratch.path("wide-\(name).safetensors")
    _ = try convert(Self.path(name), to: output) { $0.elementType = .float32 }
    return output
  }

  private func writeLoRA() throws -> String {
    try scratch.writeLoRA(
      "lora_unet_mid_block_resnets_0_time_emb_proj", up: [4, 2], down: [2, 16], value: 0.125)
    return scratch.path("lora.safetensors")
  }

  @Test(arguments: ["scaled", "scaled-rows", "scaled-folder"])
  func aLoRAGoesOntoTheWeightsThemselves(name: String) throws {
    let (lora, wide) = (try writeLoRA(), try widened(name))
    try merge(lora: lora, into: wide, to: "expected.safetensors", type: .float32)
    try merge(lora: lora, into: Self.path(name), to: "found.safetensors", type: .float32)
    let expected = try contents(ofFile: scratch.path("expected.safetensors"))
    #expect(try contents(ofFile: scratch.path("found.safetensors")) == expected)
    #expect(expected != (try contents(ofFile: wide)))
  }

  @Test(arguments: ["scaled", "scaled-rows", "scaled-folder"])
  func modelsAreMixedByTheWeightsThemselves(name: String) throws {
    let (wide, lora) = (try widened(name), try writeLoRA())
    try merge(lora: lora, into: wide, to: "other.safetensors", type: .float32)
    let other = scratch.path("other.safetensors")
    for (models, sound) in [
      ([Self.path(name), other], [wide, other]), ([other, Self.path(name)], [other, wide]),
    ] {
      try mix(models, to: "found.safetensors", type: .float32)
      try mix(sound, to: "expected.safetensors", type: .float32)
      let found = try contents(ofFile: scratch.path("found.safetensors"))
      #expect(found == (try contents(ofFile: scratch.path("expected.safetensors"))))
    }
  }

  /// Float8 is not written, so the scales of what changes must go.
  @Test func withoutACastTheWeightIsNamed() throws {
    let (lora, name) = (try writeLoRA(), "model.diffusion_model.middle_block.0.emb_layers.1.weight")
    let error = #expect(throws: ConversionError.self) {
      try merge(lora: lora, into: Self.path("scaled"), to: "out.safetensors", type: nil)
    }
    #expect(
      error?.description
        == "\(Self.path("scaled")): tensor '\(name)' is f8_e4m3fn "
        + "with a scale beside it: --dtype f16 multiplies it in")
    #expect(scratch.contents == ["lora.safetensors"])
  }

  /// Forms whose numbers nothing here can make weights of.
  @Test(arguments: ["mxfp8", "mxfp4", "nvfp4", "int8", "nf4"])
  func packedWeightsAreRefused(form: String) throws {
    try scratch.writeLoRA("lora_unet_double_blocks_0_\(form)", up: [8, 2], down: [2, 64])
    let error = #expect(throws: (any Error).self) {
      try merge(
        lora: scratch.path("lora.safetensors"), into: Self.path("packed"), to: "out.safetensors",
        type: .float16)
    }
    #expect("\(error as Any)".contains("double_blocks.0.\(form)"), "\(error as Any)")
    #expect(scratch.contents == ["lora.safetensors"])
  }
}
