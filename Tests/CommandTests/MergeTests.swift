import Foundation
import TensorCore
import Testing

@Suite struct MergeTests {
  private static func path(_ name: String) -> String {
    Tool.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private static let model = path("families/sd15.safetensors")
  private static let lora = path("adapters/kohya.safetensors")

  @Test func aLoRAIsBakedInAndReported() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        "merge", Self.model, "--lora", Self.lora + ":0.8", "--lora",
        Self.path("adapters/second.safetensors"), "-o", "out.safetensors")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors == "")
      let lines = outcome.output.split(separator: "\n")
      #expect(lines.count == 6)
      #expect(lines[4] == "\(Self.lora) x 0.8: 16 of 16 modules applied (16 LoRA)")
      #expect(lines[5].hasSuffix("second.safetensors x 1.0: 5 of 5 modules applied (5 LoRA)"))
    }
  }

  @Test func whatIsLeftOverIsAWarningAndStrictRefusesIt() throws {
    let lora = Self.path("adapters/differences.safetensors")
    try Tool.inFolder { tool in
      let outcome = try tool.run("merge", Self.model, "--lora", lora, "-o", "out.ckpt", "--json")
      #expect(outcome.status == 0)
      #expect(outcome.errorLines.count == 3)
      #expect(
        outcome.errorLines.contains(
          "assay: warning: \(lora): 'down_blocks_7_attentions_0_proj_in' was not applied: the model "
            + "has no such module, nearest 'unet.down_blocks.0.attentions.0.proj_in'"))
      let json = try JSON(parsing: outcome.output)["loras"]?.arrayValue?.first
      #expect(json?["applied"] == 4 && json?["modules"] == 6)
      #expect(json?["not_applied"]?.arrayValue?.count == 4)
      let strict = try tool.run(
        "merge", Self.model, "--lora", lora, "-o", "strict.ckpt", "--strict")
      #expect(strict.status == 2)
      #expect(strict.errorLines.count == 1)
      #expect(tool.contents == ["out.ckpt"])
    }
  }

  @Test func modelsAreMixedAndReported() throws {
    try Tool.inFolder { tool in
      _ = try tool.run("convert", Self.model, "-o", "b.ingot", "-q")
      let outcome = try tool.run(
        "merge", Self.model, "b.ingot", "--ratio", "0.3", "--ratio", "unet.mid=0.25", "-o",
        "out.safetensors")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasSuffix("\nweighted-sum, ratio 0.3, unet.mid 0.25\n"))
      let json = try JSON(
        parsing: tool.run(
          "merge", Self.model, "b.ingot", "b.ingot", "-o", "out.ingot", "--json"
        ).output)
      #expect(json["merge"]?["method"] == "add-difference")
      #expect(json["merge"]?["ratio"]?.doubleValue == 1)
    }
  }

  /// Wrong usage or input, and the words that say so.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let message: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let refusals = [
    Refusal(arguments: [model], message: "nothing to merge: name a --lora or a second model"),
    Refusal(
      arguments: [model, model, "--lora", lora],
      message: "--lora goes into one model: mix the models first"),
    Refusal(
      arguments: [model, "--lora", lora, "--ratio", "0.5"],
      message: "--method and --ratio mix models"),
    Refusal(
      arguments: [model, model, "--method", "add-difference"],
      message: "--method add-difference takes 3 models, not 2"),
    Refusal(arguments: [model, model, "--ratio", "much"], message: "--ratio"),
    Refusal(
      arguments: [model, model, "--ratio", "0.5", "--ratio", "0.6"],
      message: "--ratio is given twice without a block"),
    Refusal(
      arguments: [model, model, "--ratio", "unet.mid=0.5", "--ratio", "unet.mid=0.6"],
      message: "--ratio is given twice for 'unet.mid'"),
    Refusal(arguments: [model, "--lora", lora + ":1e39"], message: "--lora"),
    Refusal(arguments: [model, "--lora", lora + ":nan"], message: "--lora"),
    Refusal(
      arguments: [model, "--lora", lora, "--components", "vae"],
      message: "out.safetensors: nothing that the merge changes is among what is written"),
    Refusal(
      arguments: [model, "--lora", "none.safetensors:0.5"],
      message: "none.safetensors: no such file or folder"),
    Refusal(
      arguments: [model, "--lora", model],
      message: "sd15.safetensors: holds no LoRA: first tensor '"),
    Refusal(
      arguments: [path("families/sd21-base.safetensors"), "--lora", lora],
      message: "kohya.safetensors: module 'text_model_encoder_layers_0_self_attn_q_proj' changes "
        + "12 × 12 values"),
    Refusal(
      arguments: [path("families/controlnet-sdxl.safetensors"), "--lora", lora],
      message: "kohya.safetensors: 0 of 16 modules apply: first "
        + "'text_model_encoder_layers_0_self_attn_q_proj'"),
    Refusal(
      arguments: [model, path("families/sdxl-base.safetensors")],
      message: "sdxl-base.safetensors: is Stable Diffusion XL, but "),
  ]

  @Test(arguments: refusals)
  func wrongInputGivesOneLineAndLeavesNothing(_ refusal: Refusal) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(["merge"] + refusal.arguments + ["-o", "out.safetensors"])
      #expect(outcome.status == 2)
      #expect(outcome.output == "")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(refusal.message), "\(outcome.errors)")
      #expect(tool.contents == [])
    }
  }

  @Test func aLoRAIsRenamed() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        "convert", Self.lora, "-o", "peft.safetensors", "--lora-naming", "peft", "--base",
        Self.model)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.output
          == "\(Self.lora): LoRA for Stable Diffusion 1.x, kohya naming\npeft.safetensors: "
          + "safetensors, peft naming, 16 of 16 modules (16 LoRA)\n")
      let back = try tool.run(
        "convert", "peft.safetensors", "-o", "kohya.safetensors", "--lora-naming", "kohya",
        "--json")
      #expect(back.status == 0, "\(back.errors)")
      #expect(try JSON(parsing: back.output)["forms"] == ["LoRA": 16])
      let refused = try tool.run(
        "convert", Self.model, "-o", "x.safetensors", "--lora-naming", "kohya")
      #expect(refused.status == 2)
      #expect(refused.errors.contains("holds no LoRA"))
    }
  }

  @Test func aStrengthFollowsTheLastColon() throws {
    try Tool.inFolder { tool in
      try FileManager.default.copyItem(atPath: Self.lora, toPath: tool.file("a:b.safetensors"))
      for argument in ["a:b.safetensors", "a:b.safetensors:1", "a:b.safetensors:-0.5"] {
        let outcome = try tool.run(
          "merge", Self.model, "--lora", argument, "-o", "out.safetensors")
        #expect(outcome.status == 0, "\(outcome.errors)")
      }
      let refused = try tool.run(
        "merge", Self.model, "--lora", ":0.8", "-o", "out.safetensors")
      #expect(refused.status == 2)
    }
  }
}
