import Foundation
import TensorCore
import Testing

/// The README's first command, step by step, on the bundled model.
@Suite struct WholeChainTests {
  @Test(arguments: ["digits.ingot", "digits.safetensors", "digits", "f32.ingot"])
  func everyComponentIsProvedInEveryContainer(output: String) throws {
    try Tool.inFolder { tool in
      let type = output == "f32.ingot" ? "f32" : "f16"
      let converted = try tool.run(
        "convert", Digits.checkpoint, "-o", output, "--dtype", type)
      #expect(converted.status == 0, "\(converted.errors)")
      let outcome = try tool.run(
        "validate", "all", output, "--reference", Digits.reference, "--json")
      #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
      let components = try JSON(parsing: outcome.output)["components"]?.arrayValue ?? []
      #expect(
        components.compactMap { $0["component"]?.stringValue }
          == ["tokenizer", "clip", "unet", "vae", "scheduler", "generation"])
      #expect(components.allSatisfy { $0["outcome"] == "passed" })
    }
  }

  @Test func theSameSeedDrawsTheSamePictureFromCheckpointAndIngot() throws {
    try Tool.inFolder { tool in
      _ = try tool.run("convert", Digits.checkpoint, "-o", "digits.ingot")
      for (model, picture) in [(Digits.checkpoint, "a.png"), ("digits.ingot", "b.png")] {
        let outcome = try tool.run(
          "generate", model, "a blue handwritten seven", "--seed", "1024", "--steps", "8", "-o",
          picture)
        #expect(outcome.status == 0, "\(outcome.errors)")
      }
      let pictures = try ["a.png", "b.png"].map { try PNGFile(path: tool.file($0)).pixels }
      #expect(pictures[0] == pictures[1])
      #expect(Set(pictures[0]).count > 10)
    }
  }
}
