import Checkpoints
import Foundation
import TensorCore
import Testing

/// Outputs of several files that are killed, or run out of room, while they are written.
@Suite struct InterruptedWriteTests {
  /// A result of several files: its name, what asks for it, and what must not be there unless all is.
  struct Output: Sendable, CustomTestStringConvertible {
    let name: String
    let options: [String]
    let testDescription: String
  }

  static let outputs = [
    Output(name: "m.safetensors", options: ["--shard-size", "2MB"], testDescription: "shards"),
    Output(name: "folder", options: [], testDescription: "diffusers folder"),
    Output(
      name: "folder", options: ["--shard-size", "2MB"],
      testDescription: "diffusers folder with shards"),
    Output(name: "m.ingot", options: [], testDescription: "ingot"),
  ]

  /// What a killed process leaves has hidden names; nothing partial has a final one.
  @Test(arguments: outputs) func aKilledProcessLeavesNothingPartial(_ output: Output) throws {
    try Tool.inFolder { tool in
      // How fast the machine is nobody knows: later and later, until a run comes to its end.
      var delay = 0.0
      while true {
        let outcome = try tool.run(
          killedAfter: delay,
          ["convert", "-q", Digits.checkpoint, "-o", output.name] + output.options)
        let hidden = tool.contents.filter { $0.hasPrefix(".") }
        if outcome.status == 0 {
          #expect(hidden.isEmpty)
          #expect(try !Checkpoint.open(path: whole(output, tool)).source.tensors.isEmpty)
          break
        }
        try #require(outcome.status == 128 + SIGKILL, "\(outcome.errors)")
        #expect(!tool.contents.isEmpty)
        // Files get their names one after the other, each of them whole, the index last.
        try expectWhole(tool.contents.filter { !$0.hasPrefix(".") }, tool)
        for name in tool.contents { try FileManager.default.removeItem(atPath: tool.file(name)) }
        delay = 1.4 * delay + 0.002
      }
    }
  }

  private func whole(_ output: Output, _ tool: Tool) -> String {
    tool.file(output.name == "m.safetensors" ? "m.safetensors.index.json" : output.name)
  }

  private func expectWhole(_ names: [String], _ tool: Tool) throws {
    for name in names {
      let path = tool.file(name)
      if name.hasSuffix(".json") {
        _ = try Checkpoint.open(path: path)
      } else {
        #expect(try !Checkpoint.open(path: path).source.tensors.isEmpty, "\(name)")
      }
    }
  }

  /// A disk that fills up: no file may grow beyond a size, at the start, amid and near the end.
  @Test(arguments: outputs, [1, 1000, 3000])
  func aFullDiskLeavesNothing(_ output: Output, blocks: Int) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        limitedTo: blocks, ["convert", "-q", Digits.checkpoint, "-o", output.name] + output.options)
      if outcome.status == 0 {
        // Every file was small enough.
        #expect(try !Checkpoint.open(path: whole(output, tool)).source.tensors.isEmpty)
      } else {
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("File too large") || outcome.errors.contains("too large"))
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(tool.contents == [])
      }
    }
  }

  @Test func anOutputGoesWhereItsLinkLeads() throws {
    try Tool.inFolder { tool in
      let files = FileManager.default
      try files.createDirectory(atPath: tool.file("disk"), withIntermediateDirectories: true)
      try Data("old".utf8).write(to: URL(filePath: tool.file("disk/model.safetensors")))
      try files.createSymbolicLink(
        atPath: tool.file("here.safetensors"), withDestinationPath: "disk/model.safetensors")
      try files.createSymbolicLink(
        atPath: tool.file("there.ingot"), withDestinationPath: tool.file("disk/not-yet.ingot"))
      try files.createDirectory(atPath: tool.file("disk/empty"), withIntermediateDirectories: true)
      try files.createSymbolicLink(
        atPath: tool.file("folder"), withDestinationPath: "disk/empty")
      for output in ["here.safetensors", "there.ingot", "folder"] {
        let outcome = try tool.run("convert", "-q", Digits.checkpoint, "-o", output)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let type = try files.attributesOfItem(atPath: tool.file(output))[.type]
        #expect(type as? FileAttributeType == .typeSymbolicLink, "\(output)")
        #expect(try !Checkpoint.open(path: tool.file(output)).source.tensors.isEmpty)
      }
      #expect(tool.contents == ["disk", "folder", "here.safetensors", "there.ingot"])
      let disk = try files.contentsOfDirectory(atPath: tool.file("disk")).sorted()
      #expect(disk == ["empty", "model.safetensors", "not-yet.ingot"])
      try files.createSymbolicLink(
        atPath: tool.file("loop.ingot"), withDestinationPath: "loop.ingot")
      let outcome = try tool.run("convert", "-q", Digits.checkpoint, "-o", "loop.ingot")
      expectOneLine(outcome, "loop.ingot", "symbolic links")
    }
  }

  @Test func aCheckpointWithoutTensorsIsRefusedUnlessAskedFor() throws {
    try Tool.inFolder { tool in
      let empty = try tool.write(
        "empty.safetensors", Data([2, 0, 0, 0, 0, 0, 0, 0]) + Data("{}".utf8))
      let refused = try tool.run("convert", empty, "-o", "out.safetensors")
      expectOneLine(refused, "empty.safetensors: has no tensors; --allow-empty")
      #expect(tool.contents == ["empty.safetensors"])
      let outcome = try tool.run("convert", "-q", "--allow-empty", empty, "-o", "out.safetensors")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try Checkpoint.open(path: tool.file("out.safetensors")).source.tensors.isEmpty)
    }
  }
}
