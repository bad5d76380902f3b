import Foundation
import TestSupport
import Testing

/// Models that cannot be read, given to every command that takes one: one line that names the
/// file, and the tensor where it is one; exit 2; nothing left behind.
@Suite struct BadInputTests {
  /// The commands that read weights; `inspect` reads none and shows what it can.
  static let readers = ["convert", "generate", "validate"]
  static let commands = readers + ["inspect"]

  private func run(_ command: String, _ model: String, in tool: Tool) throws -> Tool.Outcome {
    switch command {
    case "convert": try tool.run("convert", model, "-o", tool.file("out.ingot"))
    case "inspect": try tool.run("inspect", model)
    case "generate": try tool.run("generate", model, "a", "-o", tool.file("out.png"))
    default: try tool.run("validate", "all", model, "--reference", PipelineModel.reference)
    }
  }

  private func expect(
    _ command: String, _ model: String, in tool: Tool, _ texts: String...,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let before = tool.contents
    let outcome = try run(command, model, in: tool)
    for text in texts { expectOneLine(outcome, text, location: location) }
    #expect(tool.contents == before, sourceLocation: location)
  }

  @Test(arguments: commands) func aMissingFile(command: String) throws {
    try Tool.inFolder { tool in
      try expect(command, "no/such.ckpt", in: tool, "no/such.ckpt: no such file or folder")
    }
  }

  @Test(arguments: commands) func aFolderThatIsNoModel(command: String) throws {
    try Tool.inFolder { tool in
      let path = tool.file("folder")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try expect(command, path, in: tool, "\(path): ")
    }
  }

  @Test(arguments: commands) func anEmptyFile(command: String) throws {
    try Tool.inFolder { tool in
      let path = try tool.write("empty.ckpt", Data())
      try expect(command, path, in: tool, "empty.ckpt: is empty (0 bytes)")
    }
  }

  @Test(arguments: commands) func aTextFileCalledCkpt(command: String) throws {
    try Tool.inFolder { tool in
      let path = try tool.write("page.ckpt", Data("<html>404 not found</html>\n".utf8))
      try expect(command, path, in: tool, "page.ckpt: not a checkpoint", "<html>")
    }
  }

  @Test(arguments: commands, ["model.ckpt", "model.safetensors", "model.ingot"])
  func aTruncatedFile(command: String, name: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel("whole")
      let made = try tool.run("convert", model, "-o", tool.file("whole-\(name)"), "--quiet")
      try #require(made.status == 0, "\(made.errors)")
      let whole = try Data(contentsOf: URL(filePath: tool.file("whole-\(name)")))
      let path = try tool.write(name, whole.prefix(whole.count / 2))
      try expect(command, path, in: tool, "\(path): ")
    }
  }

  @Test(arguments: readers) func aMissingTensor(command: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel {
        $0.rename("mid_block.resnets.0.conv1.weight", to: "mid_block.resnets.0.conv1.weigh")
      }
      try expect(
        command, model, in: tool, "\(model): ", "unet.mid_block.resnets.0.conv1.weight",
        "missing")
    }
  }

  @Test(arguments: readers) func aMisshapenTensor(command: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel {
        $0.reshape("mid_block.resnets.0.conv1.weight", to: [96, 32, 3, 1])
      }
      try expect(
        command, model, in: tool, "\(model): ", "unet.mid_block.resnets.0.conv1.weight",
        "[96, 32, 3, 1]", "expected [32, 32, 3, 3]")
    }
  }

  /// A folder's files have no temporary paths when people look for them.
  @Test func aTypeThatAFolderCannotHold() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let outcome = try tool.run("convert", model, "-o", tool.file("out"), "--dtype", "q8_0")
      expectOneLine(
        outcome, "\(tool.file("out"))/unet/diffusion_pytorch_model.safetensors: tensor '",
        "for which safetensors has no code")
      #expect(tool.contents == ["model"])
    }
  }

  @Test func aConfigurationThatContradictsTheTensors() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      for (field, problem) in [
        ("\"cross_attention_dim\": 7", "says cross_attention_dim 7, its tensors say"),
        (
          "\"use_linear_projection\": true",
          "says use_linear_projection true, its tensors say false"
        ),
        ("\"norm_num_groups\": 5", "says norm_num_groups 5, expected a divisor"),
      ] {
        let config = try tool.write(
          "config.json", Data("{\"unet\": {\(field)}}".utf8))
        expectOneLine(
          try tool.run("inspect", model, "--config", config), "\(model): ", problem)
      }
    }
  }

  @Test(arguments: ["generate", "validate"]) func aModelWithoutTokenizer(command: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      try FileManager.default.removeItem(atPath: "\(model)/tokenizer/vocab.json")
      try expect(command, model, in: tool, "\(model): tokenizer/vocab.json: ")
    }
  }

  @Test(arguments: ["out.ingot", "out.safetensors", "out.ckpt", "out"])
  func aFullDisk(name: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let outcome = try tool.run(limitedTo: 64, "convert", model, "-o", tool.file(name))
      expectOneLine(outcome, "\(tool.file(name))", "cannot be written: File too large")
      #expect(tool.contents == ["model"])
    }
  }

  @Test(arguments: [
    (["frob"], "Unexpected argument 'frob' (see 'assay --help')"),
    (["inspect"], "Missing expected argument '<model>' (see 'assay inspect --help')"),
    (
      ["convert", "m.ckpt", "-o", "x.png", "--dtype", "i8"],
      "--dtype is i8, expected one of f16, bf16, f32"
    ),
    (
      ["convert", "m.ckpt", "-o", "m.ingot", "--dtype", "x"],
      "--dtype is x, expected one of f16, bf16, f32, f64, q4_0"
    ),
    (["validate", "vea", "m.ckpt", "--reference", "r"], "following: tokenizer clip unet vae"),
    (["generate", "m.ckpt", "a", "-o", "a.png", "--seed", "a\nb"], "'a b' is invalid"),
    (["generate", "m.ckpt", "a", "-o", "a.jpg"], "'a.jpg', expected a name that ends in .png"),
  ])
  func wrongUsageIsOneLine(arguments: [String], text: String) throws {
    try Tool.inFolder { tool in expectOneLine(try tool.run(arguments), text) }
  }

  @Test func aTokenizerOfAnotherModel() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let path = "\(model)/tokenizer/vocab.json"
      let ids = try JSONDecoder().decode(
        [String: Int].self, from: Data(contentsOf: URL(filePath: path)))
      try JSONEncoder().encode(ids.mapValues { $0 + 1_000_000 }).write(to: URL(filePath: path))
      try expect(
        "generate", model, in: tool, "\(model): token ", "lies outside the vocabulary of")
    }
  }

  @Test(arguments: commands) func aNetworkWithoutWeights(command: String) throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      try FileManager.default.removeItem(
        atPath: "\(model)/unet/diffusion_pytorch_model.safetensors")
      try expect(command, model, in: tool, "\(model)/unet: has no weights, expected a file such as")
    }
  }

  @Test func anOutputInAMissingFolder() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      expectOneLine(
        try tool.run("convert", model, "-o", tool.file("no/out.ingot")),
        "no/out.ingot: cannot be created: No such file or directory")
    }
  }

  /// What is read is not written over by mistake.
  @Test(arguments: [
    ["inspect", "m.safetensors", "--html", "m.safetensors"],
    ["inspect", "m.safetensors", "--html", "./link.safetensors"],
    ["inspect", "m.safetensors", "--tensor", "betas", "--png", "m.safetensors"],
    ["inspect", "m.safetensors", "--tensor", "betas", "--png", "x", "--html", "./x"],
    ["diff", "m.safetensors", "n.safetensors", "--html", "n.safetensors"],
    ["extract-lora", "m.safetensors", "n.safetensors", "--rank", "1", "-o", "m.safetensors"],
    ["extract-lora", "m.safetensors", "n.safetensors", "--rank", "1", "-o", "n.safetensors"],
    ["catalog", "add", "m.safetensors", "m.safetensors"],
  ])
  func aModelIsNoPlaceForAReport(arguments: [String]) throws {
    try Tool.inFolder { tool in
      let model = try Data(contentsOf: URL(filePath: FixtureFile.path("families/sd15.safetensors")))
      for name in ["m.safetensors", "n.safetensors"] { _ = try tool.write(name, model) }
      try FileManager.default.createSymbolicLink(
        atPath: tool.file("link.safetensors"), withDestinationPath: tool.file("m.safetensors"))
      let before = tool.contents
      expectOneLine(try tool.run(arguments), "to be written")
      #expect(tool.contents == before)
      for name in ["m.safetensors", "n.safetensors"] {
        #expect(try Data(contentsOf: URL(filePath: tool.file(name))) == model)
      }
    }
  }
}
