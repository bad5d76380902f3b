import Foundation
import TensorCore
import Testing

@Suite struct ScanTests {
  private let evil = Data(
    "\u{80}\u{2}cposix\nsystem\nX\u{2}\0\0\0id\u{85}R.".unicodeScalars.map {
      UInt8($0.value)
    })
  private let plain = Data("}(S'a'\nI1\nu.".utf8)

  @Test func aDangerousFileIsShownAndFails() throws {
    try Tool.inFolder { tool in
      let path = try tool.write("model.ckpt", evil)
      let outcome = try tool.run("scan", path)
      #expect(outcome.status == 1)
      #expect(outcome.errors == "")
      #expect(
        outcome.output == """
          \(path): pickle, dangerous: posix system, reaches the operating system, byte 2

            pickle, 26 bytes: dangerous
            not plain: posix.system is imported, byte 2
              verdict    global        use     times  byte  why
              dangerous  posix system  import      1     2  reaches the operating system
              dangerous  posix system  REDUCE      1    24  reaches the operating system


          """)
      let quiet = try tool.run("scan", "-q", path)
      #expect(quiet.status == 1)
      #expect(
        quiet.output
          == "\(path): pickle, dangerous: posix system, reaches the operating system, byte 2\n")
    }
  }

  @Test func jsonHoldsEveryFile() throws {
    try Tool.inFolder { tool in
      let bad = try tool.write("bad.pkl", evil)
      let good = try tool.write("good.pkl", plain)
      let outcome = try tool.run("scan", "--json", bad, good)
      #expect(outcome.status == 1)
      let json = try JSON(parsing: outcome.output)
      #expect(json["verdict"] == "dangerous")
      let files = try #require(json["files"]?.arrayValue)
      #expect(files.map { $0["path"]?.stringValue } == [bad, good])
      #expect(files.map { $0["verdict"]?.stringValue } == ["dangerous", "safe"])
      #expect(files.map { $0["proved_plain"]?.boolValue } == [false, true])
      let finding = files[0]["pickles"]?.arrayValue?[0]["findings"]?.arrayValue?[0]
      #expect(
        finding == [
          "module": "posix", "name": "system", "action": "import", "verdict": "dangerous",
          "reason": "reaches the operating system", "offset": 2, "count": 1,
        ])
    }
  }

  @Test func aFolderIsScannedFileByFile() throws {
    try Tool.inFolder { tool in
      _ = try tool.write("a.pkl", plain)
      _ = try tool.write("b.txt", Data("hello".utf8))
      let outcome = try tool.run("scan", tool.file(""))
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("a.pkl: pickle, safe, proved plain\n"))
      #expect(outcome.output.contains("b.txt: unknown, safe: no pickle\n"))
      #expect(outcome.output.hasSuffix("2 files: 0 dangerous, 0 suspicious, 2 safe\n"))
    }
  }

  @Test func anUnreadableFileIsBadInputAndTheOthersAreScanned() throws {
    try Tool.inFolder { tool in
      let good = try tool.write("good.pkl", plain)
      let outcome = try tool.run("scan", "no/such.pkl", good)
      #expect(outcome.status == 2)
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("no/such.pkl: no such file or folder"))
      #expect(outcome.output.contains("good.pkl: pickle, safe, proved plain"))
      expectOneLine(try tool.run("scan"), "file")
    }
  }

  @Test func namesCannotMoveTheCursor() throws {
    try Tool.inFolder { tool in
      let path = try tool.write("a.pkl", Data("c\u{1B}[2J\nna\u{202E}me\n.".utf8))
      let outcome = try tool.run("scan", path)
      #expect(outcome.status == 0)
      #expect(!outcome.output.contains("\u{1B}"))
      #expect(outcome.output.contains(#"\u{1b}[2J"#))
      #expect(
        try JSON(parsing: try tool.run("scan", "--json", path).output)["verdict"] == "suspicious")
    }
  }

  @Test func inspectAndConvertShowTheVerdict() throws {
    try Tool.inFolder { tool in
      let path = Tool.fixtures.appending(path: "containers/valid/opaque.pt")
        .path(percentEncoded: false)
      let inspected = try tool.run("inspect", path)
      #expect(inspected.status == 0)
      #expect(
        inspected.output.contains(
          "pickle: dangerous: posix system, reaches the operating system, byte 366 of "
            + "opaque/data.pkl\n"))
      let json = try JSON(parsing: try tool.run("inspect", "--json", path).output)
      #expect(json["safety"]?["verdict"] == "dangerous")
      let converted = try tool.run("convert", path, "-o", tool.file("out.safetensors"))
      #expect(converted.status == 0)
      #expect(converted.errors.contains("dangerous, neither run nor kept: posix system"))
      #expect(converted.output.contains("pickle: dangerous: posix system"))
    }
  }
}
