import Testing

@testable import Checkpoints

/// Which of a folder's files are taken for its weights. Every file holds a tensor named after it.
@Suite struct WeightFilesTests {
  private let folder: WeightFolder

  init() throws { folder = try WeightFolder() }

  static let choices: [(files: [String], variant: String?, outcome: String)] = [
    (["model.safetensors"], nil, "model.safetensors"),
    (["model.fp16.safetensors", "model.safetensors"], nil, "model.safetensors"),
    (["model.fp16.safetensors", "model.safetensors"], "fp16", "model.fp16.safetensors"),
    (["model.fp16.safetensors"], nil, "model.fp16.safetensors"),
    (
      ["model.non_ema.safetensors", "model.fp16.safetensors"], nil, "model.fp16.safetensors"
    ),
    (["model.ema_only.safetensors"], nil, "model.ema_only.safetensors"),
    (["model.bf16.safetensors"], nil, "model.bf16.safetensors"),
    (["pytorch_model.bin", "model.fp16.safetensors"], nil, "pytorch_model.bin"),
    (["pytorch_model.bin", "model.safetensors"], nil, "model.safetensors"),
    (["pytorch_model.non_ema.bin"], "non_ema", "pytorch_model.non_ema.bin"),
    (
      ["diffusion_pytorch_model.safetensors", "model.safetensors"], nil,
      "diffusion_pytorch_model.safetensors"
    ),
    (["anything.safetensors", "readme.md"], nil, "anything.safetensors"),
    (["anything.ckpt", "anything.yaml"], nil, "anything.ckpt"),
    (["a.fp16.safetensors", "a.safetensors"], "fp16", "a.fp16.safetensors"),
    (["model.safetensors", "other.ckpt"], nil, "model.safetensors"),
    (
      ["b.ckpt", "a.safetensors", "c.txt"], nil,
      "m: the folder holds several models, expected one: 'a.safetensors', 'b.ckpt'"
    ),
    (
      ["model.fp16.safetensors", "model.safetensors"], "bf16",
      "m: has no weights of variant 'bf16', found the plain ones, 'fp16'"
    ),
    (
      ["model.fp16-00001-of-00002.safetensors", "model.safetensors"], "bf16",
      "m: has no weights of variant 'bf16', found the plain ones"
    ),
    (["a.safetensors"], "fp16", "m: has no weights of variant 'fp16', nor of any other"),
    (
      ["model-00001-of-00002.safetensors"], nil,
      "m: is a folder without model_index.json, config.json or a file of weights, expected a model"
    ),
    (
      ["readme.md"], "fp16",
      "m: is a folder without model_index.json, config.json or a file of weights, expected a model"
    ),
  ]

  @Test(arguments: choices)
  func oneIsChosenOrTheChoiceIsTheUsers(
    files: [String], variant: String?, outcome: String
  ) throws {
    for file in files { try folder.writeWeights([file], to: file) }
    #expect(folder.outcome(variant: variant) == outcome)
  }

  /// Where shards stand beside a whole file, diffusers takes the shards and transformers the file.
  @Test(arguments: [
    ("diffusion_pytorch_model", "safetensors", "shards"), ("model", "safetensors", "whole"),
  ])
  func shardsBesideAWholeFile(stem: String, ending: String, outcome: String) throws {
    try folder.writeWeights(["shards"], to: "\(stem)-00001-of-00001.\(ending)")
    try folder.writeWeights(["whole"], to: "\(stem).\(ending)")
    try folder.write(
      #"{"weight_map": {"shards": "\#(stem)-00001-of-00001.\#(ending)"}}"#,
      to: "\(stem).\(ending).index.json")
    #expect(folder.outcome() == outcome)
  }

  @Test(arguments: [
    "model.safetensors.index.fp16.json", "model.fp16.safetensors.index.json",
    "diffusion_pytorch_model.safetensors.index.fp16.json", "custom.fp16.index.json",
  ])
  func aVariantMayBeSharded(index: String) throws {
    try folder.writeWeights(["a"], to: "model.fp16-00001-of-00001.safetensors")
    try folder.write(#"{"weight_map": {"a": "model.fp16-00001-of-00001.safetensors"}}"#, to: index)
    #expect(folder.outcome(variant: "fp16") == "a")
    #expect(folder.outcome() == "a")
  }

  @Test func componentsWithoutTheVariantAreReadFromTheirOwn() throws {
    try folder.write(
      #"{"unet": ["diffusers", "X"], "vae": ["diffusers", "Y"]}"#, to: "model_index.json")
    try folder.writeWeights(["own"], to: "unet/diffusion_pytorch_model.safetensors")
    try folder.writeWeights(["half"], to: "unet/diffusion_pytorch_model.non_ema.safetensors")
    try folder.writeWeights(["own"], to: "vae/diffusion_pytorch_model.safetensors")
    #expect(folder.outcome() == "unet.own vae.own")
    #expect(folder.outcome(variant: "non_ema") == "unet.half vae.own")
    #expect(
      folder.outcome(variant: "fp16")
        == "m: has no weights of variant 'fp16', found the plain ones, 'non_ema'")
  }

  @Test func aFileHasNoVariants() throws {
    try folder.writeWeights(["a"], to: "model.safetensors")
    #expect(
      folder.outcome(of: "model.safetensors", variant: "fp16")
        == "m/model.safetensors: is one file, so --variant fp16 has nothing to choose from")
  }
}
