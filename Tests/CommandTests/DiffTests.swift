import Foundation
import TensorCore
import Testing

@Suite struct DiffCommandTests {
  private static func fixture(_ name: String) -> String {
    Tool.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private static let model = fixture("families/sd15.safetensors")
  private static let (a, b) = (fixture("diff/a.safetensors"), fixture("diff/b.safetensors"))

  @Test func exitCodesAreThoseOfDiff() throws {
    try Tool.inFolder { tool in
      let same = try tool.run("diff", Self.model, Self.model)
      #expect(same.status == 0, "\(same.errors)")
      #expect(
        same.output.contains("\nidentical: every tensor has the same type, shape and bytes\n"))
      let different = try tool.run("diff", Self.a, Self.b)
      #expect(different.status == 1)
      #expect(different.errors == "")
      expectOneLine(try tool.run("diff", Self.model, "no/such"), "no/such: no such file or folder")
      expectOneLine(try tool.run("diff", Self.model), "diff --help")
      expectOneLine(
        try tool.run("diff", Self.a, Self.b, "--atol=-1"),
        "--atol is -1.0, expected a number from 0 up")
      expectOneLine(
        try tool.run("diff", Self.a, Self.b, "--rtol", "nan"), "--rtol is nan, expected a number")
      expectOneLine(
        try tool.run("diff", Self.a, Self.b, "--json", "--markdown"), "exclude each other")
    }
  }

  @Test func quietSaysNothing() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("diff", "-q", Self.a, Self.b)
      #expect(outcome.status == 1)
      #expect(outcome.output == "" && outcome.errors == "")
    }
  }

  @Test func layoutsAndContainersCompare() throws {
    try Tool.inFolder { tool in
      for output in ["m.ingot", "folder", "m.ckpt"] {
        #expect(try tool.run("convert", "-q", Self.model, "-o", output).status == 0)
        let outcome = try tool.run("diff", Self.model, output)
        #expect(outcome.status == 0, "\(outcome.output)")
      }
      let same = try tool.run("diff", "m.ingot", "m.ingot")
      #expect(same.output.contains("\nread 0 bytes of "))
      #expect(same.output.contains("tensors have equal digests\n"))
      #expect(
        try tool.run("convert", "-q", Self.model, "-o", "b.safetensors", "--dtype", "bf16").status
          == 0)
      let rounded = try tool.run("diff", Self.model, "b.safetensors")
      #expect(rounded.status == 1)
      #expect(rounded.output.contains("\nthe same weights, re-encoded: "))
      #expect(try tool.run("diff", Self.model, "b.safetensors", "--rtol", "0.004").status == 0)
    }
  }

  @Test func jsonHoldsEveryFigure() throws {
    try Tool.inFolder { tool in
      let json = try JSON(parsing: tool.run("diff", "--json", Self.a, Self.b).output)
      #expect(json["equal"] == false)
      let single = try #require(
        json["tensors"]?.arrayValue?.first { $0["name"] == "single" })
      for key in [
        "max_abs", "mean_abs", "rms", "relative_norm", "cosine", "changed_fraction",
        "changed_values",
      ] {
        #expect((single[key]?.doubleValue ?? 0) > 0, "\(key)")
      }
      #expect(json["total"]?["non_finite_b"] == 4)
      // A group counts tensors by state, and values beside.
      let states = json["tensors"]?.arrayValue?.filter { $0["state"] == "changed" }.count
      #expect(json["total"]?["changed"]?.intValue == states)
      #expect(json["bytes_read"]?.intValue == json["bytes"]?.intValue)
    }
  }

  @Test func ranksAreShownOnRequest() throws {
    try Tool.inFolder { tool in
      let plain = try tool.run("diff", Self.a, Self.b)
      #expect(!plain.output.contains("energy held by rank"))
      let outcome = try tool.run("diff", "--rank", Self.a, Self.b)
      #expect(outcome.status == 1 && outcome.errors == "")
      #expect(outcome.output.contains("\nenergy held by rank  matrices "))
      #expect(outcome.output.contains("\nlow-rank  "))
      #expect(try tool.run("diff", "--rank", Self.a, Self.a).output.contains("\nno change of a "))
      let json = try JSON(parsing: tool.run("diff", "--rank", "--json", Self.a, Self.b).output)
      let low = try #require(
        json["ranks"]?.arrayValue?.first { $0["name"] == "low-rank" })
      #expect(low["rank"] == 3 && low["whole"] == true)
      #expect(low["ranks"]?["0.99"]?.intValue ?? 9 <= 3)
      #expect(json["energy_by_rank"]?.arrayValue?.isEmpty == false)
      let page = tool.file("page.html")
      let markdown = try tool.run("diff", "--rank", "--markdown", "--html", page, Self.a, Self.b)
      #expect(markdown.output.contains("\n| energy held by rank | matrices | 1 |"))
      #expect(markdown.output.contains("\n| low-rank | "))
      #expect(markdown.output.contains("\nrenamed: `") == plain.output.contains("\nrenamed"))
      let html = try String(contentsOfFile: page, encoding: .utf8)
      #expect(html.contains("What a LoRA would hold") && html.contains("Ranks of the changes"))
    }
  }

  @Test func markdownIsForPullRequests() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("diff", "--markdown", "--limit", "3", Self.a, Self.b)
      let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines[0].hasPrefix("**") && lines[0].hasSuffix("**"))
      #expect(
        outcome.output.contains(
          "| component | tensors | same | rounded | changed | retyped | max abs |"))
      #expect(outcome.output.contains("<details><summary>3 of "))
      #expect(outcome.output.hasSuffix("\n</details>\n"))
    }
  }

  @Test func aCopyWithoutSomeNumbersIsNotCalledTheSame() throws {
    try Tool.inFolder { tool in
      var edit = try SafetensorsEdit(path: Self.model)
      edit.setHalves("model.diffusion_model.out.2.bias", to: 0x7FC0)
      let copy = try tool.write("copy.safetensors", edit.data)
      let outcome = try tool.run("lineage", Self.model, copy)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.output.contains(
          "\n\(copy) has the weights of \(Self.model), but for what was left out: "
            + "4 weights are NaN or infinite in \(copy)\n"))
    }
  }

  @Test func aLoRAOfOneModuleSaysSo() throws {
    try Tool.inFolder { tool in
      var edit = try SafetensorsEdit(path: Self.model)
      edit.negate(
        "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight")
      let tuned = try tool.write("tuned.safetensors", edit.data)
      let outcome = try tool.run(
        "extract-lora", Self.model, tuned, "-o", "lora.safetensors", "--rank", "4")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasPrefix("lora.safetensors: 1 module of rank 4, "))
    }
  }
}
