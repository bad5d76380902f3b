import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// `assay generate` on the small model of `Fixtures/models`.
@Suite struct GenerateTests {
  private func draw(_ tool: Tool, _ arguments: String...) throws -> Tool.Outcome {
    try tool.run(["generate", try tool.writeSmallModel()] + arguments)
  }

  /// Every option reaches the pipeline: the pictures are those that diffusers drew.
  @Test(arguments: 0..<4) func pictureIsDiffusers(number: Int) throws {
    let fixture = try PipelineModel()
    let cases = try JSON(parsing: fixture.metadata["cases"]?.stringValue ?? "").arrayValue ?? []
    let entry = try #require(cases[number].objectValue)
    func text(_ key: String) -> String { entry[key]?.stringValue ?? entry[key]?.text() ?? "" }
    let sampler = text("scheduler").replacing("DiscreteScheduler", with: "")
      .replacing("Scheduler", with: "").lowercased()
    try Tool.inFolder { tool in
      let outcome = try draw(
        tool, text("prompt"), "--negative-prompt", text("negative_prompt"), "--seed", text("seed"),
        "--steps", text("steps"), "--guidance-scale", text("guidance_scale"), "--width",
        text("width"), "--height", text("height"), "--scheduler", sampler, "-o",
        tool.file("out.png"))
      #expect(outcome.status == 0, "\(outcome.errors)")
      let picture = try PNGFile(path: tool.file("out.png"))
      let all = fixture.model.tensors
      let index = try #require(
        all.tensors.firstIndex { $0.name == "reference.\(number).picture" })
      let expected = try all.tensor(at: index).withBytes { $0.withUnsafeBytes { Array($0) } }
      #expect([picture.height, picture.width, 3] == all.tensors[index].shape.dimensions)
      #expect(picture.pixels.count == expected.count)
      #expect(zip(picture.pixels, expected).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
      #expect(tool.contents == ["model", "out.png"])
    }
  }

  @Test func theFileSaysHowItWasMade() throws {
    try Tool.inFolder { tool in
      let outcome = try draw(
        tool, "ein Käse", "--seed", "7", "--steps", "2", "--negative-prompt", "no", "-o",
        tool.file("out.png"))
      #expect(outcome.errors == "")
      #expect(
        outcome.output.hasPrefix("\(tool.file("out.png")): 64 x 64, seed 7, \"ein Käse\", "))
      #expect(
        try PNGFile(path: tool.file("out.png")).texts == [
          "parameters": """
          ein Käse
          Negative prompt: no
          Steps: 2, Sampler: PNDMScheduler, CFG scale: 7.5, Seed: 7, Size: 64x64, Model: model
          """
        ])
    }
  }

  @Test func severalPicturesGoToNumberedFiles() throws {
    try Tool.inFolder { tool in
      let outcome = try draw(
        tool, "a", "b", "--seed", "1,5-6", "--steps", "1", "--json", "-o", tool.file("out.png"))
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(tool.contents == ["model"] + (1...6).map { "out-\($0).png" })
      let json = try JSON(parsing: outcome.output)
      let pictures = try #require(json["pictures"]?.arrayValue)
      #expect(pictures.map { $0["seed"]?.intValue } == [1, 5, 6, 1, 5, 6])
      #expect(pictures.map { $0["prompt"]?.stringValue } == ["a", "a", "a", "b", "b", "b"])
      #expect(
        pictures.map { $0["path"]?.stringValue } == (1...6).map { tool.file("out-\($0).png") })
      #expect(pictures[0]["scheduler"] == "PNDMScheduler")
      let files = try (1...6).map { try PNGFile(path: tool.file("out-\($0).png")).pixels }
      #expect(Set(files).count == 6)
    }
  }

  @Test func aGridIsOneFileWithARowForEachPrompt() throws {
    try Tool.inFolder { tool in
      let outcome = try draw(
        tool, "a", "b", "--seed", "1-3", "--steps", "1", "--grid", "-o", tool.file("out.png"))
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasPrefix("\(tool.file("out.png")): 3 x 2 pictures of 64 x 64, "))
      #expect(tool.contents == ["model", "out.png"])
      let sheet = try PNGFile(path: tool.file("out.png"))
      #expect(sheet.width == 196)
      #expect(sheet.height == 130)
      // The last place holds the second prompt with seed 3.
      _ = try tool.run(
        "generate", tool.file("model"), "b", "--seed", "3", "--steps", "1", "-o",
        tool.file("one.png"))
      let one = try PNGFile(path: tool.file("one.png"))
      let (start, length) = ((196 * (66 + 10) + 2 * 66) * 3, 64 * 3)
      let placed = Array(sheet.pixels[start..<start + length])
      #expect(placed == Array(one.pixels[length * 10..<length * 11]))
    }
  }

  @Test func aPromptThatIsCutIsReported() throws {
    let prompt = Array(repeating: "very", count: 90).joined(separator: " ") + " blue end"
    try Tool.inFolder { tool in
      let arguments = [
        "generate", try tool.writeSmallModel(), prompt, "--seed", "1-2", "--steps", "1", "--grid",
        "-o", tool.file("out.png"),
      ]
      let outcome = try tool.run(arguments)
      #expect(outcome.status == 0)
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(
        outcome.errors.hasPrefix(
          "assay: warning: the prompt is longer than 75 tokens, dropped: \""))
      #expect(outcome.errors.hasSuffix("blue end\"\n"))
      let quiet = try tool.run(arguments + ["--quiet"])
      #expect(quiet.status == 0)
      #expect(quiet.errors == "" && quiet.output == "")
    }
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalLeavesNothing(signal: Int32) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let precious = try tool.write("out.png", Data("precious".utf8))
      let outcome = try tool.run(
        signalledBy: signal, after: 1,
        ["generate", model, "a", "--seed", "1-900", "--steps", "999", "--grid", "-o", precious])
      #expect(outcome.status == 128 + signal)
      #expect(outcome.output == "")
      #expect(tool.contents == ["model", "out.png"])
      #expect(try Data(contentsOf: URL(filePath: precious)) == Data("precious".utf8))
    }
  }

  // MARK: - what cannot be drawn

  @Test(arguments: [
    (["--width", "60"], "width 60, expected a multiple of 8 up to 16384"),
    (["--height", "0"], "height 0, expected a multiple of 8 up to 16384"),
    (["--height", "16392"], "height 16392, expected a multiple of 8 up to 16384"),
    (["--steps", "0"], "0 steps, expected 1 or more"),
    (["--steps", "1001"], "'steps' is 1001, expected 1 to 1000"),
    (["--guidance-scale", "nan"], "guidance scale nan, expected a number"),
  ])
  func requestsThatCannotBeServed(options: [String], text: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let outcome = try tool.run(
        ["generate", model, "a", "-o", tool.file("out.png")] + options)
      expectOneLine(outcome, text)
      #expect(tool.contents == ["model"])
    }
  }

  @Test(arguments: [
    ["-o", "out.jpg"], ["-o", "out.png", "--seed", "5-3"], ["-o", "out.png", "--seed", "1,"],
    ["-o", "out.png", "--seed", "0-4000"], ["-o", "out.png", "--scheduler", "heun"], [],
  ])
  func wrongUsage(options: [String]) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(["generate", "model", "a"] + options)
      #expect(outcome.status == 2)
      #expect(outcome.output == "")
      #expect(outcome.errors.hasPrefix("assay: "), "\(outcome.errors)")
      #expect(tool.contents.isEmpty)
    }
  }

  @Test func aFullDiskLeavesNothing() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let outcome = try tool.run(
        limitedTo: 2, "generate", model, "a", "--steps", "1", "-o", tool.file("out.png"))
      expectOneLine(outcome, "out.png: cannot be written: File too large")
      #expect(tool.contents == ["model"])
    }
  }

  @Test func aMissingFolderIsNamedBeforeAnythingIsDrawn() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("generate", "no-model", "a", "-o", tool.file("no/out.png"))
      expectOneLine(outcome, "no/out.png: cannot be created: No such file or directory")
    }
  }

  @Test func weightsThatAreNoNumbersAreNamed() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel { $0.setHalves("conv_out.weight", to: 0x7E00) }
      let outcome = try tool.run("generate", model, "a", "-o", tool.file("out.png"))
      expectOneLine(outcome, "model: tensor 'unet.conv_out.weight' holds 576 values that are NaN")
      #expect(tool.contents == ["model"])
    }
  }
}
