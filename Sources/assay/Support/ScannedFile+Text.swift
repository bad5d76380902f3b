internal import Checkpoints
internal import Foundation
internal import TensorCore

/// A file and the verdict on it.
struct ScannedFile {
  let path: String
  let report: SafetyReport

  /// Scans a file.
  ///
  /// - Throws: `FileError` when it cannot be read.
  init(_ path: String, usesMapping: Bool) throws(FileError) {
    self.path = path
    report = try SafetyReport(scanning: path, usesMapping: usesMapping)
  }

  /// The files below a folder in the order of their names; the path itself when it is a file.
  static func paths(in path: String) throws(FileError) -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(.open, path: path, code: ENOENT)
    }
    guard isFolder.boolValue else { return [path] }
    let names = (FileManager.default.enumerator(atPath: path)?.allObjects ?? []) as? [String]
    let base = path.hasSuffix("/") ? path : path + "/"
    return (names ?? []).sorted().map { base + $0 }.filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder)
        && !isFolder.boolValue
    }
  }

  /// The verdict on one line.
  var line: String {
    "\(path.escapingControls): \(report.container), \(report.summary.escapingControls)\n"
  }

  /// The verdict, a table a pickle, and what else stands out.
  var text: String {
    var text = line
    for pickle in report.pickles {
      let name = pickle.member.isEmpty ? "pickle" : pickle.member.joined(separator: " > ")
      let start = pickle.offset > 0 ? " from byte \(Format.count(pickle.offset))" : ""
      text += "\n  \(name.escapingControls)\(start), \(Format.count(pickle.byteCount)) bytes: "
      text += pickle.isProvedPlain ? "proved plain\n" : "\(pickle.verdict.rawValue)\n"
      for (title, place) in [("not plain", pickle.unproved), ("broken", pickle.fault)] {
        guard let place else { continue }
        text += "  \(title): \(place.reason.escapingControls), byte \(place.offset)\n"
      }
      if !pickle.findings.isEmpty { text += Self.table(pickle.findings) }
    }
    if !report.remarks.isEmpty { text += "\n" }
    for remark in report.remarks {
      let place = remark.member.isEmpty ? "" : remark.member.joined(separator: " > ") + ": "
      text += "  \(remark.verdict.rawValue): \((place + remark.text).escapingControls)\n"
    }
    return text + "\n"
  }

  private static func table(_ findings: [PickleFinding]) -> String {
    var table = Table([
      ("verdict", .left), ("global", .left), ("use", .left), ("times", .right), ("byte", .right),
      ("why", .left),
    ])
    for finding in findings {
      table.add([
        finding.verdict.rawValue, finding.title, finding.action, Format.count(finding.count),
        String(finding.offset), finding.verdict == .safe ? "" : finding.reason,
      ])
    }
    return table.text.split(separator: "\n").map { "    \($0)\n" }.joined()
  }

  /// The last line of a scan of several files.
  static func totals(_ scans: [ScannedFile]) -> String {
    let counts = SafetyVerdict.allCases.reversed().map { verdict in
      "\(scans.count { $0.report.verdict == verdict }) \(verdict.rawValue)"
    }
    return "\(scans.count) files: \(counts.joined(separator: ", "))\n"
  }

  /// The scans for machines.
  static func json(_ scans: [ScannedFile]) -> JSON {
    let worst = scans.map(\.report.verdict).max() ?? .safe
    return [
      "verdict": .string(worst.rawValue),
      "files": .array(
        scans.map { scan in
          var json: JSONObject = ["path": .string(scan.path)]
          for member in scan.report.json.members { json[member.key] = member.value }
          return .object(json)
        }),
    ]
  }
}
