import Checkpoints
import Foundation
import TensorCore
import Testing

@Suite struct VerifyTests {
  /// Writes an ingot of two tensors and returns its path.
  private func ingot(in tool: Tool) throws -> String {
    let path = tool.file("model.ingot")
    let descriptions = ["first.weight", "second.weight"].map {
      TensorDescription(name: $0, elementType: .float32, shape: [64, 16])
    }
    var writer = try IngotWriter(path: path)
    try writer.begin(tensors: descriptions, metadata: [:])
    for (index, description) in descriptions.enumerated() {
      let bytes = [UInt8](repeating: UInt8(index + 1), count: 4096)
      let storage = ByteStorage(copying: bytes.span.bytes)
      try writer.append(
        TensorView(description: description, storage: storage, byteRange: 0..<4096))
    }
    try writer.finish()
    return path
  }

  @Test func anIntactFilePasses() throws {
    try Tool.inFolder { tool in
      let path = try ingot(in: tool)
      let outcome = try tool.run("verify", path)
      #expect(outcome.status == 0)
      #expect(outcome.output == "\(path): intact, 2 tensors, 8.00 KiB\n")
      #expect(outcome.errors == "")
      #expect(try tool.run("verify", "--quiet", path).output == "")
    }
  }

  @Test func aDamagedTensorIsNamed() throws {
    try Tool.inFolder { tool in
      let path = try ingot(in: tool)
      var bytes = try Data(contentsOf: URL(filePath: path))
      let start = try #require(bytes.firstRange(of: Data(repeating: 2, count: 4096)))
      bytes[start.lowerBound + 77] ^= 1
      try bytes.write(to: URL(filePath: path))
      let outcome = try tool.run("verify", path)
      #expect(outcome.status == 1)
      #expect(
        outcome.output
          == "DAMAGED  tensor 'second.weight'\n\(path): damaged, 2 tensors, 8.00 KiB\n")
      let json = try JSON(parsing: try tool.run("verify", "--json", path).output)
      #expect(json["intact"] == false)
      #expect(json["damaged_tensors"] == ["second.weight"])
    }
  }

  @Test func whatIsNoIngotIsBadInput() throws {
    try Tool.inFolder { tool in
      let path = try tool.write("page.ingot", Data("<html>".utf8))
      for (file, text) in [(path, "page.ingot"), ("no/such.ingot", "no such file or folder")] {
        let outcome = try tool.run("verify", file)
        #expect(outcome.status == 2)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(text), "\(outcome.errors)")
      }
    }
  }
}
