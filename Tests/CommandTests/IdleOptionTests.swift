import Checkpoints
import Foundation
import TensorCore
import Testing

/// Options that mean nothing for a file: refused in one line, and those that mean something count.
@Suite struct IdleOptionTests {
  private static func fixture(_ name: String) -> String {
    Tool.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private static let lora = fixture("adapters/kohya.safetensors")
  private static let embedding = fixture("embeddings/a1111.pt")

  private static let idle: [[String]] = [
    ["--certify"], ["--include", "a"], ["--exclude", "a"], ["--components", "unet"],
    ["--shard-size", "5MB"], ["--layout", "ldm"], ["--ema", "drop"], ["--prune"], ["--vae", "v"],
    ["--prediction-type", "v"], ["--allow-empty"], ["--output-variant", "fp16"],
  ]

  @Test(arguments: idle) func aLoRAHasNoUseForThem(option: [String]) throws {
    try Tool.inFolder { tool in
      let arguments = ["convert", Self.lora, "-o", "x.safetensors", "--lora-naming", "peft"]
      expectOneLine(
        try tool.run(arguments + option),
        "\(option[0]) cannot be asked for of a LoRA with --lora-naming, expected no more than")
      #expect(tool.contents == [])
    }
  }

  @Test(arguments: idle) func aTextualInversionHasNoUseForThem(option: [String]) throws {
    try Tool.inFolder { tool in
      expectOneLine(
        try tool.run(["convert", Self.embedding, "-o", "x.safetensors"] + option),
        "\(Self.embedding): \(option[0]) cannot be asked for of a textual inversion")
      #expect(tool.contents == [])
    }
  }

  @Test(arguments: [["--token", "a"], ["--config", "c"]])
  func aLoRAIsNoEmbeddingAndNoModel(option: [String]) throws {
    try Tool.inFolder { tool in
      expectOneLine(
        try tool.run(
          ["convert", Self.lora, "-o", "x.safetensors", "--lora-naming", "peft"] + option),
        "\(option[0]) cannot be asked for")
    }
  }

  @Test(arguments: [lora, embedding]) func typesAreNotByComponent(path: String) throws {
    try Tool.inFolder { tool in
      let naming = path == Self.lora ? ["--lora-naming", "peft"] : []
      expectOneLine(
        try tool.run(
          ["convert", path, "-o", "x.safetensors", "--dtype", "unet=f16"] + naming),
        "has one --dtype for all")
    }
  }

  @Test(arguments: [lora, embedding]) func metadataCount(path: String) throws {
    try Tool.inFolder { tool in
      let naming = path == Self.lora ? ["--lora-naming", "peft"] : []
      let outcome = try tool.run(
        ["convert", path, "-o", "x.safetensors", "--metadata", "a=b", "--metadata", "format=xx"]
          + ["--strict"] + naming)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.errors
          == "assay: warning: x.safetensors: 'format' in the metadata is safetensors's "
          + "own, kept as 'assay.kept.format'\n")
      let metadata = try Checkpoint.open(path: tool.file("x.safetensors")).metadata
      #expect(metadata["a"] == "b")
      #expect(metadata["format"] == "pt")
    }
  }

  @Test func aPickledEmbeddingHasMetadataWhereItsFormHas() throws {
    try Tool.inFolder { tool in
      let arguments = ["convert", Self.embedding, "--metadata", "a=b", "-o"]
      #expect(try tool.run(arguments + ["x.pt"]).status == 0)
      #expect(try Checkpoint.open(path: tool.file("x.pt")).portableMetadata["a"] == "b")
      expectOneLine(
        try tool.run(arguments + ["x.bin"]),
        "x.bin: the diffusers form has no place for metadata in a pickle")
    }
  }

  @Test func strictnessNamesModulesWithoutAPlace() throws {
    try Tool.inFolder { tool in
      var edit = try SafetensorsEdit(path: Self.lora)
      let name = try #require(edit.header.keys.first { $0.hasSuffix(".lora_up.weight") })
      let stem = name.dropLast(".lora_up.weight".count)
      for ending in [".lora_up.weight", ".lora_down.weight", ".alpha"] {
        edit.rename(stem + ending, to: "lora_unet_no_such_module" + ending)
      }
      let path = try tool.write("odd.safetensors", edit.data)
      let arguments = ["convert", path, "-o", "x.safetensors", "--lora-naming", "peft"]
      expectOneLine(
        try tool.run(arguments + ["--strict"]),
        "\(path): 'no_such_module' would be left behind: the model has no such module")
      let loose = try tool.run(arguments)
      #expect(loose.status == 0)
      #expect(loose.errors.contains("'no_such_module' was left behind"))
    }
  }

  @Test func theLedgerHasTheNearestNames() throws {
    try Tool.inFolder { tool in
      var edit = try SafetensorsEdit(path: Self.fixture("families/sd15.safetensors"))
      edit.rename("betas", to: "model.diffusion_model.out.2.biass")
      let path = try tool.write("odd.safetensors", edit.data)
      let outcome = try tool.run("convert", path, "-o", "x.ingot", "--json")
      let nearest = try JSON(parsing: outcome.output)["ledger"]?["nearest"]
      #expect(
        nearest?["model.diffusion_model.out.2.biass"] == "model.diffusion_model.out.2.bias")
    }
  }
}
