public import TensorCore

/// The verdict on a file: on every pickle in it, and on what could not be looked into.
public struct SafetyReport: Sendable, Hashable {
  /// Something beside the pickles that a user should know.
  public struct Remark: Sendable, Hashable {
    /// The member of the archive, outermost archive first; empty for the file itself.
    public let member: [String]
    /// What was found.
    public let text: String
    /// How far it is to be trusted.
    public let verdict: SafetyVerdict
  }

  /// What the file is: `zip`, `safetensors`.
  public internal(set) var container: String
  /// The pickles, in the order in which they were found.
  public internal(set) var pickles: [PickleVerdict] = []
  /// What stands out beside them.
  public internal(set) var remarks: [Remark] = []

  init(container: String) { self.container = container }

  /// The worst verdict of all.
  public var verdict: SafetyVerdict {
    (pickles.map(\.verdict) + remarks.map(\.verdict)).max() ?? .safe
  }

  /// Whether there is nothing in the file but canonical rebuilds of plain data.
  public var isProvedPlain: Bool {
    pickles.allSatisfy(\.isProvedPlain) && remarks.allSatisfy { $0.verdict == .safe }
  }

  /// One line: the verdict, and why it is not better.
  public var summary: String {
    guard !pickles.isEmpty || !remarks.isEmpty else { return "safe: no pickle" }
    if verdict > .safe, let text = alarm { return "\(verdict.rawValue): \(text)" }
    if isProvedPlain { return "safe, proved plain" }
    guard let pickle = pickles.first(where: { !$0.isProvedPlain }),
      let place = pickle.unproved ?? pickle.fault
    else { return verdict.rawValue }
    return "\(verdict.rawValue), not proved plain: \(place.reason), "
      + pickle.locate(place.offset)
  }

  private var alarm: String? {
    if let pickle = pickles.first(where: { $0.verdict == verdict }) {
      if let worst = pickle.worst, worst.verdict == verdict {
        return "\(worst.title), \(worst.reason), \(pickle.locate(worst.offset))"
      }
      if let fault = pickle.fault { return "\(fault.reason), \(pickle.locate(fault.offset))" }
    }
    return remarks.first { $0.verdict == verdict }.map {
      ($0.member + [$0.text]).joined(separator: ": ")
    }
  }

  /// The dangerous classes and functions, each once, as `module name`.
  public var dangers: [String] {
    var seen: Set<[UInt8]> = []
    return pickles.flatMap(\.findings).filter { $0.verdict == .dangerous }.map(\.title).filter {
      seen.insert(Array($0.utf8)).inserted
    }
  }

  /// Takes up what was found in one file of several.
  mutating func add(_ report: SafetyReport, of file: String) {
    pickles += report.pickles.map { $0.inside(file) }
    remarks += report.remarks.map {
      Remark(member: [file] + $0.member, text: $0.text, verdict: $0.verdict)
    }
  }

  /// Scans a file: every pickle in it, in nested archives too. Nothing is imported or called.
  ///
  /// - Throws: `FileError` when the file cannot be read.
  public init(scanning path: String, usesMapping: Bool = true) throws(FileError) {
    self.init(scanning: try ByteStorage(file: path, isMapped: usesMapping), named: path)
  }

  /// Scans a file's bytes; the name only decides how bytes that are no known format are taken.
  init(scanning storage: ByteStorage, named path: String) {
    var scan = FileScan()
    scan.scanFile(storage, named: path)
    self = scan.report
  }
}

extension PickleVerdict {
  /// `byte 12 of archive/data.pkl`.
  func locate(_ offset: Int) -> String {
    "byte \(offset)" + (member.isEmpty ? "" : " of " + member.joined(separator: " > "))
  }

  /// The verdict for machines.
  public var json: JSON {
    var json: JSONObject = [
      "member": .array(member.map(JSON.string)), "offset": .integer(offset),
      "bytes": .integer(byteCount), "verdict": .string(verdict.rawValue),
      "proved_plain": .bool(isProvedPlain),
    ]
    json["unproved"] = unproved?.json ?? .null
    json["fault"] = fault?.json ?? .null
    json["findings"] = .array(
      findings.map { finding in
        [
          "module": finding.module.map(JSON.string) ?? .null, "name": .string(finding.name),
          "action": .string(finding.action), "verdict": .string(finding.verdict.rawValue),
          "reason": .string(finding.reason), "offset": .integer(finding.offset),
          "count": .integer(finding.count),
        ]
      })
    return .object(json)
  }
}

extension PicklePlace {
  /// The place for machines.
  var json: JSON { ["reason": .string(reason), "offset": .integer(offset)] }
}

extension SafetyReport {
  /// The report for machines.
  public var json: JSONObject {
    [
      "container": .string(container), "verdict": .string(verdict.rawValue),
      "proved_plain": .bool(isProvedPlain), "summary": .string(summary),
      "pickles": .array(pickles.map(\.json)),
      "remarks": .array(
        remarks.map {
          [
            "member": .array($0.member.map(JSON.string)), "text": .string($0.text),
            "verdict": .string($0.verdict.rawValue),
          ]
        }),
    ]
  }
}
