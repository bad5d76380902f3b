import Checkpoints
import Conversion
import Inspection
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// What `inspect` says of LoRAs and their kin.
@Suite struct AdapterSummaryTests {
  /// A file of `Fixtures/adapters`, and what it holds as `make.py` there made it.
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let title: String
    let naming: AdapterNaming
    let kinds: [String: Int]
    let components: [String: Int]
    let ranks: ClosedRange<Int>
    let alphas: ClosedRange<Double>?
    var kernels = 0
    var decomposed = 0
    var testDescription: String { file }
  }

  static let cases = [
    Case(
      file: "kohya.safetensors", title: "LoCon", naming: .kohya, kinds: ["LoRA": 16],
      components: ["unet": 13, "text_encoder": 3], ranks: 2...4, alphas: 2...3, kernels: 4),
    Case(
      file: "kohya-xl.safetensors", title: "LoCon", naming: .kohya, kinds: ["LoRA": 10],
      components: ["text_encoder_2": 4, "unet": 4, "text_encoder": 2], ranks: 4...4,
      alphas: 2...2, kernels: 1),
    Case(
      file: "peft.safetensors", title: "LoRA", naming: .peft, kinds: ["LoRA": 16],
      components: ["unet": 13, "text_encoder": 3], ranks: 2...4, alphas: 2...3, kernels: 4),
    Case(
      file: "peft-folder", title: "LoRA", naming: .peft, kinds: ["LoRA": 13],
      components: ["unet": 13], ranks: 2...4, alphas: 2...3, kernels: 4),
    Case(
      file: "diffusers-old.bin", title: "LoRA", naming: .diffusers, kinds: ["LoRA": 16],
      components: ["unet": 13, "text_encoder": 3], ranks: 2...4, alphas: nil, kernels: 4),
    Case(
      file: "locon-tucker.safetensors", title: "LoCon", naming: .kohya, kinds: ["LoCon": 2],
      components: ["unet": 2], ranks: 3...3, alphas: 1.5...1.5, kernels: 2),
    Case(
      file: "loha.safetensors", title: "LoHa", naming: .kohya, kinds: ["LoHa": 5],
      components: ["unet": 5], ranks: 3...3, alphas: 2...2),
    Case(
      file: "lokr.safetensors", title: "LoKr", naming: .kohya, kinds: ["LoKr": 5],
      components: ["unet": 5], ranks: 3...3, alphas: 2...2, kernels: 2),
    Case(
      file: "dora-peft.safetensors", title: "DoRA", naming: .peft, kinds: ["LoRA": 5],
      components: ["unet": 5], ranks: 4...4, alphas: 6...6, kernels: 2, decomposed: 5),
    Case(
      file: "glora.safetensors", title: "GLoRA", naming: .kohya, kinds: ["GLoRA": 3],
      components: ["unet": 3], ranks: 2...2, alphas: 1...1, kernels: 1),
  ]

  @Test(arguments: cases) func formsNamesAndRanksAreTold(of expected: Case) throws {
    let checkpoint = try Checkpoint.open(path: FixtureFile.path("adapters/\(expected.file)"))
    let summary = CheckpointSummary(of: checkpoint)
    let adapter = try #require(summary.adapter)
    #expect(adapter.title == expected.title)
    #expect(adapter.adapter.file.naming == expected.naming)
    #expect(adapter.kinds == expected.kinds)
    let components = adapter.components.map { ($0.name, $0.modules) }
    #expect(Dictionary(uniqueKeysWithValues: components) == expected.components)
    #expect(adapter.ranks == expected.ranks && adapter.alphas == expected.alphas)
    #expect(adapter.kernels == expected.kernels && adapter.decomposed == expected.decomposed)
    #expect(summary.json["adapter"]?["title"] == .string(expected.title))
    #expect(summary.json["family"] == .null)
  }

  /// Names of modules with the shapes of their halves, metadata, and what the file is for.
  static let origins: [(module: String, columns: Int, metadata: JSONObject, title: String?)] = [
    (
      "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", 768, [:],
      "Stable Diffusion 1.x"
    ),
    (
      "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k", 1024, [:],
      "Stable Diffusion 2.x"
    ),
    (
      "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k", 2048,
      ["ss_base_model_version": "sd_v1"], "Stable Diffusion XL"
    ),
    (
      "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k", 1280, [:],
      "Stable Diffusion XL refiner"
    ),
    (
      "lora_unet_mid_block_attentions_0_proj_in", 320,
      ["ss_base_model_version": "sdxl_base_v1-0"], "Stable Diffusion XL"
    ),
    (
      "lora_unet_mid_block_attentions_0_proj_in", 320,
      ["modelspec.architecture": "stable-diffusion-v1/lora"], "Stable Diffusion 1.x"
    ),
    ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj", 768, [:], "Stable Diffusion XL"),
    ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 1024, [:], "Stable Diffusion 2.x"),
    ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 768, [:], nil),
    ("lora_unet_double_blocks_0_img_attn_qkv", 3072, [:], "FLUX.1"),
    ("transformer.single_transformer_blocks.0.proj_mlp", 3072, [:], "FLUX.1"),
    ("lora_unet_joint_blocks_0_x_block_attn_qkv", 1536, [:], "Stable Diffusion 3"),
    ("lora_unet_mid_block_attentions_0_proj_in", 320, [:], nil),
  ]

  @Test(arguments: origins)
  func widthsPartsAndWordsTellTheFamily(
    module: String, columns: Int, metadata: JSONObject, title: String?
  ) throws {
    let (down, up) = module.hasPrefix("lora_") ? ("lora_down", "lora_up") : ("lora_A", "lora_B")
    let file = try AdapterFile(of: [
      TensorDescription(
        name: "\(module).\(down).weight", elementType: .float16, shape: [4, columns]),
      TensorDescription(name: "\(module).\(up).weight", elementType: .float16, shape: [320, 4]),
    ])
    #expect(file.origin(metadata: metadata)?.title == title)
  }

  /// A form that is known by its name alone is told, and a model is no adapter.
  @Test func whatCannotBeMergedIsNamed() throws {
    let path = FixtureFile.path("adapters/differences.safetensors")
    let adapter = try #require(CheckpointSummary(of: try Checkpoint.open(path: path)).adapter)
    #expect(adapter.kinds == ["difference": 2, "norm": 2, "bias": 1, "OFT": 1])
    let model = FixtureFile.path("families/sd15.safetensors")
    #expect(CheckpointSummary(of: try Checkpoint.open(path: model)).adapter == nil)
    let foreign = FixtureFile.path("families/variants/vae-tiny.safetensors")
    #expect(CheckpointSummary(of: try Checkpoint.open(path: foreign)).adapter == nil)
  }
}
