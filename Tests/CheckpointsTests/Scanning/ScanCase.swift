import Foundation
import TensorCore
import Testing

@testable import Checkpoints

/// One file of `Fixtures/scanning/cases.json`, which `make.py` writes, and what it must get.
struct ScanCase: Sendable, CustomTestStringConvertible {
  let name: String
  let ending: String
  let bytes: [UInt8]
  let verdict: SafetyVerdict
  /// The globals with that verdict, in the order of their names.
  let dangerous: [String]
  let suspicious: [String]
  let isProvedPlain: Bool
  /// A part of a remark that must be made.
  let remark: String?

  var testDescription: String { name }

  private static func fixture(_ name: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Fixtures/scanning/" + name).standardizedFileURL
  }

  /// Names that must not be called: module and name.
  static let dangerousNames: [(String, String)] = {
    let text = (try? String(contentsOf: fixture("dangerous-names.txt"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map { line in
      let parts = line.split(separator: " ", maxSplits: 1)
      return (String(parts[0]), String(parts.last ?? ""))
    }
  }()

  /// The report on a pickle of protocol 4 that calls a function with a text.
  static func report(calling module: String, _ name: String) -> SafetyReport {
    var bytes: [UInt8] = [0x80, 4]
    for text in [module, name] { bytes += [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
    bytes += [0x93, UInt8(ascii: "("), 0x8C, 1, UInt8(ascii: "x")] + Array("tR.".utf8)
    return SafetyReport(scanning: ByteStorage(copying: bytes.span.bytes), named: "call.pkl")
  }

  /// Every case, by name.
  static let all: [ScanCase] = {
    let file = fixture("cases.json")
    guard let data = try? Data(contentsOf: file), let json = try? JSON(parsing: Array(data)) else {
      return []
    }
    return (json.objectValue?.members ?? []).compactMap { ScanCase($0.key, $0.value) }
  }()

  private init?(_ name: String, _ json: JSON) {
    guard let ending = json["ending"]?.stringValue, let text = json["bytes"]?.stringValue,
      let bytes = Data(base64Encoded: text),
      let verdict = json["verdict"]?.stringValue.flatMap(SafetyVerdict.init),
      let dangerous = json["dangerous"]?.arrayValue,
      let suspicious = json["suspicious"]?.arrayValue,
      let isProvedPlain = json["proved"]?.boolValue
    else { return nil }
    self.name = name
    self.ending = ending
    self.bytes = Array(bytes)
    self.verdict = verdict
    self.dangerous = dangerous.compactMap(\.stringValue)
    self.suspicious = suspicious.compactMap(\.stringValue)
    self.isProvedPlain = isProvedPlain
    remark = json["remark"]?.stringValue
  }

  /// The report on the case's bytes.
  var report: SafetyReport {
    SafetyReport(
      scanning: ByteStorage(copying: bytes.span.bytes), named: "\(name).\(ending)")
  }
}

extension SafetyReport {
  /// The globals with a verdict, each once, in the order of their names.
  func globals(_ verdict: SafetyVerdict) -> [String] {
    Set(pickles.flatMap(\.findings).filter { $0.verdict == verdict }.map(\.title)).sorted()
  }
}
