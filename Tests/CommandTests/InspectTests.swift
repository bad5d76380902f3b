import Foundation
import TensorCore
import Testing

@Suite struct InspectTests {
  /// A safetensors file of one float16 tensor whose name tries to move the cursor.
  private static let small: Data = {
    let header = Data(
      #"""
      {"__metadata__":{"note":"line one\nline two"},"a\u001b[2J.weight":\#
      {"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}
      """#.utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
      + Data(count: 12)
  }()

  @Test func tensorsAndMetadataAreShownWithoutControlCharacters() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("inspect", try tool.write("a.safetensors", Self.small))
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors == "")
      #expect(outcome.output.contains("safetensors, 1 tensor, 6 values, 12 bytes\n"))
      #expect(outcome.output.contains("  note: line one\\nline two\n"))
      #expect(outcome.output.contains("a\\u{1b}[2J.weight  f16    [2, 3]\n"))
      #expect(!outcome.output.contains("\u{1B}"))
    }
  }

  @Test func jsonHoldsTheSame() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("inspect", "--json", try tool.write("a.bin", Self.small))
      let json = try JSON(parsing: outcome.output)
      #expect(json["format"] == "safetensors")
      #expect(json["byte_count"] == 12)
      #expect(json["tensors"]?.arrayValue?.first?["shape"] == [2, 3])
      #expect(json["metadata"]?["note"] == "line one\nline two")
    }
  }

  @Test func badFilesGiveOneLineEach() throws {
    try Tool.inFolder { tool in
      expectOneLine(
        try tool.run("inspect", "no/such.ckpt"), "no/such.ckpt: no such file or folder")
      expectOneLine(
        try tool.run("inspect", tool.folder.path(percentEncoded: false)),
        "is a folder without model_index.json, config.json or a file of weights, expected a model"
      )
      expectOneLine(
        try tool.run("inspect", try tool.write("empty.ckpt", Data())),
        "empty.ckpt: is empty (0 bytes)")
      expectOneLine(
        try tool.run("inspect", try tool.write("page.ckpt", Data("<html>gone</html>\n".utf8))),
        "page.ckpt: not a checkpoint of a known format: starts with \"<html>")
      expectOneLine(
        try tool.run("inspect", try tool.write("half.safetensors", Self.small.dropLast(5))),
        "half.safetensors: ")
    }
  }

  @Test func aRootIsChosenByItsKeys() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/containers/valid/params-ema.pt").standardizedFileURL
    try Tool.inFolder { tool in
      let path = file.path(percentEncoded: false)
      let outcome = try tool.run("inspect", "--json", "--root", "params", path)
      let json = try JSON(parsing: outcome.output)
      #expect(json["tensors"]?.arrayValue?.map { $0["name"] } == ["w"])
      expectOneLine(
        try tool.run("inspect", "--root", "no", path),
        "nothing at the root 'no', expected one of 'params', 'params_ema'")
    }
  }

  @Test func usageErrorsEndWithTwo() throws {
    try Tool.inFolder { tool in
      for arguments in [
        ["inspect"], ["inspect", "a", "b"], ["no-such"], ["inspect", "a", "--no"],
      ] {
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 2, "\(arguments)")
        #expect(outcome.output == "")
        #expect(outcome.errors.hasPrefix("assay: "), "\(outcome.errors)")
      }
    }
  }

  @Test func helpAndVersionSucceed() throws {
    try Tool.inFolder { tool in
      let help = try tool.run("--help")
      #expect(help.status == 0)
      #expect(help.output.contains("inspect"))
      #expect(help.errors == "")
      let version = try tool.run("--version")
      #expect(version.status == 0)
      #expect(version.output == "0.1.0\n")
    }
  }
}
