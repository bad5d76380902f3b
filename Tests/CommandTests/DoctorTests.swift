import Foundation
import TensorCore
import Testing

@Suite struct DoctorTests {
  private static func fixture(_ name: String) -> String {
    Tool.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private static let damaged = fixture("embeddings/variants/positions-fractions.safetensors")
  private static let sound = fixture("embeddings/variants/text.safetensors")

  @Test func aHealthyModelEndsWithZero() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("doctor", Self.sound)
      #expect(outcome.status == 0)
      #expect(outcome.errors == "")
      #expect(outcome.output.hasSuffix("\nhealthy\n"), "\(outcome.output)")
    }
  }

  @Test func aFindingIsToldWithPlaceReasonAndRepair() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("doctor", Self.damaged)
      #expect(outcome.status == 1)
      #expect(
        outcome.output == """
          \(Self.damaged): safetensors, Stable Diffusion 1.x in ldm names, 37 tensors

          error  position-ids: position_ids of the text encoder are not whole and, cut off, repeat: \
          0, 0.999, 1.998, 2.997 …
            first   'cond_stage_model.transformer.text_model.embeddings.position_ids'
            why     readers cut them to whole numbers, so that words get the positions of others and \
          prompts lose effect
            repair  int64 [1, 77], 0 to 76

          1 finding, 1 repairable

          """)
    }
  }

  @Test func aRepairWritesAHealthyModel() throws {
    try Tool.inFolder { tool in
      let output = tool.file("out.safetensors")
      let outcome = try tool.run("doctor", Self.damaged, "--fix", "-o", output)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("1 tensor changed"), "\(outcome.output)")
      #expect(outcome.output.hasSuffix("healthy now\n"))
      #expect(try tool.run("doctor", output).status == 0)
    }
  }

  @Test func aDryRunShowsChangesAndWritesNothing() throws {
    try Tool.inFolder { tool in
      let output = tool.file("out.safetensors")
      let outcome = try tool.run("doctor", Self.damaged, "--fix", "--dry-run", "-o", output)
      #expect(outcome.status == 1)
      let line = outcome.output.split(separator: "\n").first {
        $0.contains("→") && $0.contains("i64")
      }
      #expect(line?.contains("f32") == true, "\(outcome.output)")
      #expect(line?.contains("[1, 77]") == true)
      #expect(tool.contents == [])
    }
  }

  @Test func machinesGetEverything() throws {
    try Tool.inFolder { tool in
      let output = tool.file("out.ckpt")
      let outcome = try tool.run("doctor", Self.damaged, "--fix", "-o", output, "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let json = try JSON(parsing: Array(outcome.output.utf8))
      #expect(json["healthy"] == false)
      let finding = json["findings"]?.arrayValue?.first
      #expect(finding?["check"] == "position-ids")
      #expect(finding?["severity"] == "error")
      #expect(finding?["count"] == 1)
      #expect(finding?["repairable"] == true)
      let change = json["changes"]?.arrayValue?.first
      #expect(change?["old"]?["dtype"] == "f32")
      #expect(change?["new"]?["dtype"] == "i64")
      #expect(change?["new"]?["shape"] == [1, 77])
      #expect(json["output"]?["healthy"] == true)
      #expect(json["output"]?["format"] == "pytorch")
    }
  }

  @Test(arguments: [
    (["--fix"], "--fix needs -o <path>"), (["-o", "x.ckpt"], "-o is for --fix"),
    (
      ["--dtype", "q8_0"],
      "The value 'q8_0' is invalid for '--dtype <type>'. Please provide one of 'f16', 'bf16'"
    ),
  ])
  func wrongUsageIsOneLine(arguments: [String], text: String) throws {
    try Tool.inFolder { tool in
      expectOneLine(try tool.run(["doctor", Self.sound] + arguments), text)
    }
  }

  @Test func whatIsNoModelIsOneLine() throws {
    try Tool.inFolder { tool in
      let path = try tool.write("a.txt", Data("nothing".utf8))
      expectOneLine(try tool.run("doctor", path), "a.txt: not a checkpoint")
      expectOneLine(try tool.run("doctor", tool.file("absent")), "absent: no such file")
    }
  }

  @Test func halfAModelIsNotWritten() throws {
    try Tool.inFolder { tool in
      let path = Self.fixture("doctor/misnamed.safetensors")
      let outcome = try tool.run("doctor", path)
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("advice  if only the name is wrong, convert --rename"))
      expectOneLine(
        try tool.run("doctor", path, "--fix", "-o", tool.file("out.ckpt")),
        "in_layers.2.weight' [4, 4, 3, 3] is missing, and 1 more")
      #expect(tool.contents == [])
    }
  }

  @Test func quietSaysNothing() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("doctor", Self.damaged, "--quiet", "--deep")
      #expect(outcome.status == 1)
      #expect(outcome.output == "")
      #expect(outcome.errors == "")
    }
  }

  @Test func aLoRAIsCalledOne() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("doctor", Self.fixture("doctor/lora-without-alpha.safetensors"))
      #expect(outcome.status == 1)
      #expect(outcome.output.contains(": safetensors, LoRA in kohya names, 6 tensors\n"))
      #expect(
        outcome.output.contains(
          "warning  lora-alpha: 3 of 3 modules have no alpha, the numerator of their strength\n"))
    }
  }

  /// diffusers opens such a folder without a word and draws white pictures.
  @Test func scalesInADiffusersFolderAreWarnedOf() throws {
    try Tool.inFolder { tool in
      let source = Self.fixture("doctor/float8.safetensors")
      let kept = try tool.run("convert", source, "-o", tool.file("kept"), "--quiet")
      #expect(kept.status == 0, "\(kept.errors)")
      #expect(
        kept.errors
          == "assay: warning: \(tool.file("kept")): 50 float8 weights with scales beside them, which "
          + "diffusers does not read: --dtype f16 multiplies them in\n")
      let cast = try tool.run(
        "convert", source, "-o", tool.file("cast"), "--dtype", "f16", "--quiet")
      #expect(cast.errors == "")
    }
  }
}
