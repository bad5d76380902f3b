import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct DiffusersFolderTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func write(_ text: String, to path: String) throws {
    let url = scratch.url.appending(path: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
  }

  /// Writes a file of one f32 tensor `[2]` a name.
  private func writeWeights(_ names: [String], to path: String) throws {
    let url = scratch.url.appending(path: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    let tensors = names.map { TensorDescription(name: $0, elementType: .float32, shape: [2]) }
    var writer = try SafetensorsWriter(path: url.path)
    try writer.begin(tensors: tensors, metadata: [:])
    for (index, tensor) in tensors.enumerated() {
      let bytes = [UInt8](repeating: UInt8(index), count: 8)
      try writer.append(
        TensorView(
          description: tensor, storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<8))
    }
    try writer.finish()
  }

  private func message() -> String? {
    do {
      _ = try Checkpoint.open(path: scratch.path("m"))
      return nil
    } catch {
      return "\(error)".replacing(scratch.path("m"), with: "m")
    }
  }

  private static let index = """
    {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
     "tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": [null, null]}
    """

  @Test func componentsBearTheirFoldersNameAndOthersAreAttached() throws {
    try write(Self.index, to: "m/model_index.json")
    try write(#"{"_class_name": "UNet2DConditionModel"}"#, to: "m/unet/config.json")
    try writeWeights(["conv_in.weight", "b"], to: "m/unet/diffusion_pytorch_model.safetensors")
    try write("{}", to: "m/tokenizer/vocab.json")
    let checkpoint = try Checkpoint.open(path: scratch.path("m/"))
    #expect(checkpoint.format == .diffusers)
    #expect(checkpoint.source.tensors.map(\.name) == ["unet.conv_in.weight", "unet.b"])
    #expect(try checkpoint.source.tensor(at: 1).withBytes { $0.array } == [1, 1, 1, 1, 1, 1, 1, 1])
    #expect(checkpoint.configurations == ["unet": ["_class_name": "UNet2DConditionModel"]])
    #expect(try checkpoint.attachments.files == ["tokenizer/vocab.json": Array("{}".utf8)])
  }

  @Test func theModelsOwnWeightsComeBeforeAVariant() throws {
    try write(#"{"architectures": ["CLIPTextModel"]}"#, to: "m/config.json")
    try writeWeights(["variant"], to: "m/model.fp16.safetensors")
    #expect(
      try Checkpoint.open(path: scratch.path("m")).source.tensors.map(\.name)
        == ["text_encoder.variant"])
    try writeWeights(["own"], to: "m/model.safetensors")
    #expect(
      try Checkpoint.open(path: scratch.path("m")).source.tensors.map(\.name)
        == ["text_encoder.own"])
  }

  @Test func shardsAreReadThroughTheirIndex() throws {
    try write(#"{"_class_name": "AutoencoderKL"}"#, to: "m/config.json")
    let stem = "m/diffusion_pytorch_model"
    try writeWeights(["a"], to: "\(stem)-00001-of-00002.safetensors")
    try writeWeights(["b"], to: "\(stem)-00002-of-00002.safetensors")
    let map =
      #"{"a": "diffusion_pytorch_model-00001-of-00002.safetensors", "#
      + #""b": "diffusion_pytorch_model-00002-of-00002.safetensors"}"#
    try write(#"{"weight_map": \#(map)}"#, to: "\(stem).safetensors.index.json")
    #expect(
      try Checkpoint.open(path: scratch.path("m")).source.tensors.map(\.name) == ["vae.a", "vae.b"])
  }

  @Test func aFolderOfSomethingElseIsRefused() throws {
    try write("hello", to: "m/readme.txt")
    #expect(
      message()
        == "m: is a folder without model_index.json, config.json or a file of weights, expected a "
        + "model")
  }

  @Test func aComponentThatIsNotThereIsNamed() throws {
    try write(Self.index, to: "m/model_index.json")
    #expect(message() == "m: has no folder 'unet', which model_index.json names")
  }

  @Test(
    arguments: [
      (#"{"../up": ["diffusers", "X"]}"#, "component '../up' is not a plain folder name"),
      ("[1]", "is not a JSON object"),
    ])
  func aHostileIndexIsRefused(text: String, problem: String) throws {
    try write(text, to: "m/model_index.json")
    #expect(message() == "m/model_index.json: \(problem)")
  }

  @Test func shardsOutsideTheFolderAreRefused() throws {
    try write(#"{"_class_name": "AutoencoderKL"}"#, to: "m/config.json")
    let index = "m/diffusion_pytorch_model.safetensors.index.json"
    try write(#"{"weight_map": {"a": "../../secret.safetensors"}}"#, to: index)
    #expect(
      message()
        == "\(index): tensor 'a' is in \"../../secret.safetensors\", expected the name of a file "
        + "beside the index")
  }

  @Test func anotherClassIsRefused() throws {
    try write(#"{"_class_name": "T2IAdapter"}"#, to: "m/config.json")
    #expect(
      message()
        == "m/config.json: is of class T2IAdapter, expected one of AutoencoderKL, CLIPTextModel, "
        + "UNet2DConditionModel")
  }
}
