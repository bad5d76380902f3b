import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct DiffusersFolderTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

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
    try scratch.write(Self.index, to: "m/model_index.json")
    try scratch.write(#"{"_class_name": "UNet2DConditionModel"}"#, to: "m/unet/config.json")
    try scratch.writeWeights(
      ["conv_in.weight", "b"], to: "m/unet/diffusion_pytorch_model.safetensors")
    try scratch.write("{}", to: "m/tokenizer/vocab.json")
    let checkpoint = try Checkpoint.open(path: scratch.path("m/"))
    #expect(checkpoint.format == .diffusers)
    #expect(checkpoint.source.tensors.map(\.name) == ["unet.conv_in.weight", "unet.b"])
    #expect(try checkpoint.source.tensor(at: 1).withBytes { $0.array } == [1, 1, 1, 1, 1, 1, 1, 1])
    #expect(checkpoint.configurations == ["unet": ["_class_name": "UNet2DConditionModel"]])
    #expect(try checkpoint.attachments.files == ["tokenizer/vocab.json": Array("{}".utf8)])
  }

  @Test func theModelsOwnWeightsComeBeforeAVariant() throws {
    try scratch.write(#"{"architectures": ["CLIPTextModel"]}"#, to: "m/config.json")
    try scratch.writeWeights(["variant"], to: "m/model.fp16.safetensors")
    #expect(
      try Checkpoint.open(path: scratch.path("m")).source.tensors.map(\.name)
        == ["text_encoder.variant"])
    try scratch.writeWeights(["own"], to: "m/model.safetensors")
    #expect(
      try Checkpoint.open(path: scratch.path("m")).source.tensors.map(\.name)
        == ["text_encoder.own"])
  }

  @Test func shardsAreReadThroughTheirIndex() throws {
    try scratch.write(#"{"_class_name": "AutoencoderKL"}"#, to: "m/config.json")
    let stem = "m/diffusion_pytorch_model"
    try scratch.writeWeights(["a"], to: "\(stem)-00001-of-00002.safetensors")
    try scratch.writeWeights(["b"], to: "\(stem)-00002-of-00002.safetensors")
    let map =
      #"{"a": "diffusion_pytorch_model-00001-of-00002.safetensors", "#
      + #""b": "diffusion_pytorch_model-00002-of-00002.safetensors"}"#
    try scratch.write(#"{"weight_map": \#(map)}"#, to: "\(stem).safetensors.index.json")
    #expect(
      try Checkpoint.open(path: scratch.path("m")).source.tensors.map(\.name) == ["vae.a", "vae.b"])
  }

  @Test func aFolderOfSomethingElseIsRefused() throws {
    try scratch.write("hello", to: "m/readme.txt")
    #expect(
      message()
        == "m: is a folder without model_index.json, config.json or a file of weights, expected a "
        + "model")
  }

  @Test func aComponentThatIsNotThereIsNamed() throws {
    try scratch.write(Self.index, to: "m/model_index.json")
    #expect(message() == "m: has no folder 'unet', which model_index.json names")
  }

  @Test(
    arguments: [
      (#"{"../up": ["diffusers", "X"]}"#, "component '../up' is not a plain folder name"),
      ("[1]", "is not a JSON object"),
    ])
  func aHostileIndexIsRefused(text: String, problem: String) throws {
    try scratch.write(text, to: "m/model_index.json")
    #expect(message() == "m/model_index.json: \(problem)")
  }

  @Test func shardsOutsideTheFolderAreRefused() throws {
    try scratch.write(#"{"_class_name": "AutoencoderKL"}"#, to: "m/config.json")
    let index = "m/diffusion_pytorch_model.safetensors.index.json"
    try scratch.write(#"{"weight_map": {"a": "../../secret.safetensors"}}"#, to: index)
    #expect(
      message()
        == "\(index): tensor 'a' is in \"../../secret.safetensors\", expected the name of a file "
        + "beside the index")
  }

  @Test func anotherClassIsRefused() throws {
    try scratch.write(#"{"_class_name": "T2IAdapter"}"#, to: "m/config.json")
    #expect(
      message()
        == "m/config.json: is of class T2IAdapter, expected one of AsymmetricAutoencoderKL, "
        + "AutoencoderKL, AutoencoderTiny, CLIPTextModel, CLIPTextModelWithProjection, "
        + "ConsistencyDecoderVAE, ControlNetModel, ControlNetUnionModel, UNet2DConditionModel")
  }
}
