import Checkpoints
import Foundation
import TensorCore
import Testing

@Suite struct ConvertTests {
  @Test func aPickledCheckpointBecomesAnIngotWithItsLedger() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("convert", Digits.checkpoint, "-o", "out.ingot")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors == "")
      #expect(
        outcome.output.contains(
          "ledger: 668 mapped, 13 ignored (12 schedule buffer, 1 position ids), 0 unexplained\n"))
      #expect(outcome.output.contains("pytorch, Stable Diffusion 1.x in ldm names\n"))
      #expect(outcome.output.contains("ModelCheckpoint\n"))
      #expect(tool.contents == ["out.ingot"])
      #expect(try IngotReader(path: tool.file("out.ingot")).verify().isIntact)
    }
  }

  @Test func jsonTellsTheFateOfEveryTensor() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("convert", Digits.checkpoint, "-o", "folder", "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let json = try JSON(parsing: outcome.output)
      #expect(json["output"]?["format"] == "diffusers")
      #expect(json["ledger"]?["mapped"] == 668)
      #expect(json["tensors"]?.arrayValue?.count == 681)
      let first = json["tensors"]?.arrayValue?.first { $0["fate"] == "mapped" }
      #expect(first?["source"] == "model.diffusion_model.input_blocks.0.0.weight")
      #expect(first?["target"] == "unet.conv_in.weight")
      #expect(
        tool.contents == ["folder"]
          && FileManager.default.fileExists(atPath: tool.file("folder/model_index.json")))
    }
  }

  @Test func quietPrintsNothing() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        "convert", "-q", Digits.checkpoint, "-o", "x", "--to", "safetensors", "--dtype", "bf16")
      #expect(outcome.status == 0)
      #expect(outcome.output == "" && outcome.errors == "")
      #expect(try Checkpoint.open(path: tool.file("x")).format == .safetensors)
    }
  }

  @Test func tensorsWithoutCounterpartAreAWarning() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/containers/valid/foreign.pt").standardizedFileURL
    try Tool.inFolder { tool in
      let path = file.path(percentEncoded: false)
      let outcome = try tool.run("convert", path, "-o", "out.safetensors", "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.errors.contains(
          "4 tensors could not be read, first 'c32': the element type torch.complex32 has no "
            + "counterpart"), "\(outcome.errors)")
      let json = try JSON(parsing: outcome.output)
      #expect(
        json["unread_tensors"]?["meta"] == "it is a meta tensor, which has no bytes")
    }
  }

  @Test func unexplainedTensorsAreAWarning() throws {
    try Tool.inFolder { tool in
      try DoctoredModel.write(to: tool.file("m.safetensors")) { tensor in
        var tensor = tensor
        if tensor.name == "betas" { tensor.name = "mystery\u{1B}[2J" }
        return tensor
      }
      let outcome = try tool.run("convert", "m.safetensors", "-o", "m.ingot")
      #expect(outcome.status == 0)
      #expect(
        outcome.errors
          == "assay: warning: m.safetensors: 1 unexplained tensor was left behind, first "
          + "'mystery\\u{1b}[2J'\n")
      #expect(outcome.output.contains(", 1 unexplained\n"))
    }
  }

  /// A bad input, the arguments for it and the one line that it must give.
  struct BadInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let input: String
    let message: String
    var output = "out.ingot"
  }

  static let badInputs = [
    BadInput(
      testDescription: "missing", input: "none.ckpt", message: "none.ckpt: no such file or folder"),
    BadInput(testDescription: "empty", input: "empty.ckpt", message: "empty.ckpt: is empty"),
    BadInput(
      testDescription: "text", input: "text.ckpt",
      message: "text.ckpt: not a checkpoint of a known format: starts with \"hello"),
    BadInput(testDescription: "truncated", input: "cut.ckpt", message: "cut.ckpt: "),
    BadInput(
      testDescription: "folder", input: "things",
      message: "things: is a folder without model_index.json"),
    BadInput(
      testDescription: "missing tensor", input: "lacks.safetensors",
      message:
        "lacks.safetensors: tensor 'first_stage_model.decoder.conv_out.bias' [3] is missing"),
    BadInput(
      testDescription: "misshapen tensor", input: "shape.safetensors",
      message: "shape.safetensors: tensor 'model.diffusion_model.time_embed.0.bias' is [16, 16], "
        + "expected [256]", output: "out"),
    BadInput(
      testDescription: "unknown ending", input: "text.ckpt", message: "out.xyz: the ending names",
      output: "out.xyz"),
    BadInput(
      testDescription: "no such folder", input: Digits.checkpoint,
      message: "no/where.ingot: cannot be created", output: "no/where.ingot"),
    BadInput(
      testDescription: "folder with something in it", input: Digits.checkpoint,
      message: "things: is a folder with files in it, expected a new or an empty one",
      output: "things"),
  ]

  @Test(arguments: badInputs)
  func badInputGivesOneLineAndLeavesNothing(_ bad: BadInput) throws {
    try Tool.inFolder { tool in
      _ = try tool.write("empty.ckpt", Data())
      _ = try tool.write("text.ckpt", Data("hello\n".utf8))
      let whole = try Data(contentsOf: URL(filePath: Digits.checkpoint))
      _ = try tool.write("cut.ckpt", whole.prefix(whole.count / 2))
      try FileManager.default.createDirectory(
        atPath: tool.file("things"), withIntermediateDirectories: false)
      _ = try tool.write("things/a.txt", Data("a".utf8))
      if bad.input.hasSuffix(".safetensors") {
        try DoctoredModel.write(to: tool.file(bad.input)) { tensor in
          var tensor = tensor
          if bad.input == "lacks.safetensors",
            tensor.name == "first_stage_model.decoder.conv_out.bias"
          {
            return nil
          }
          if bad.input == "shape.safetensors",
            tensor.name == "model.diffusion_model.time_embed.0.bias"
          {
            tensor.shape = [16, 16]
          }
          return tensor
        }
      }
      let before = tool.contents
      let outcome = try tool.run("convert", bad.input, "-o", bad.output)
      #expect(outcome.status == 2)
      #expect(outcome.output == "")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(bad.message), "\(outcome.errors)")
      #expect(tool.contents == before)
    }
  }

  @Test(arguments: ["out.ingot", "out.safetensors", "out.ckpt", "out"])
  func aFullDiskIsOneLineAndNothingIsLeft(output: String) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(limitedTo: 4096, "convert", Digits.checkpoint, "-o", output)
      #expect(outcome.status == 2)
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("assay: \(output)"), "\(outcome.errors)")
      #expect(outcome.errors.contains("cannot be written: File too large"), "\(outcome.errors)")
      #expect(tool.contents == [])
    }
  }

  @Test(
    arguments: [
      (["--dtype", "i8"], "--dtype"), (["--dtype", "q4_k"], "--dtype"), (["--to", "zip"], "--to"),
      (["--layout", "ldm"], "layout ldm"), (["--layout", "x"], "--layout"),
    ])
  func wrongOptionsAreRefused(options: [String], message: String) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(["convert", Digits.checkpoint, "-o", "out.ingot"] + options)
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains(message), "\(outcome.errors)")
      #expect(tool.contents == [])
    }
  }
}
