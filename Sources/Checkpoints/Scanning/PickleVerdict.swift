/// One class or function that a pickle names, what would be done with it, and the verdict on that.
public struct PickleFinding: Sendable, Hashable {
  /// The Python module; `nil` when the name is no constant of the pickle.
  public let module: String?
  /// The name in the module, which may be a path of attributes; or what is known in its place.
  public let name: String
  /// `import`, the opcode of a call (`REDUCE`), the opcode and `on its result`, `on itself`, or the
  /// attribute that is set.
  public let action: String
  /// How far it can be trusted.
  public let verdict: SafetyVerdict
  /// Why.
  public let reason: String
  /// Where it happens first, in bytes from the start of the member or file.
  public let offset: Int
  /// How often it happens.
  public let count: Int

  /// Module and name as Python's disassembler prints them: `os system`.
  public var title: String { module.map { "\($0) \(name)" } ?? name }

  init(_ entry: PickleTrace.Entry, _ judgement: GlobalJudgement, base: Int) {
    module = entry.subject.module
    name = entry.subject.name
    offset = base + entry.offset
    count = entry.count
    switch entry.action {
    case .imports:
      action = "import"
      (verdict, reason) = (judgement.verdict, judgement.reason)
    case .calls(let opcode):
      action = opcode.callName
      let called = judgement.whenCalled(entry.subject)
      (verdict, reason) = (called.verdict, called.reason)
    case .uses(let opcode):
      action = opcode.callName + " on its result"
      if opcode.isCall, judgement.verdict < .dangerous {
        (verdict, reason) = (.suspicious, "calls what it returned")
      } else if entry.subject.module == nil, !opcode.isCall {
        (verdict, reason) = (.suspicious, "a value that is computed")
      } else {
        (verdict, reason) = (judgement.verdict, judgement.reason)
      }
    case .changes(let opcode):
      action = opcode.callName + " on itself"
      verdict = .dangerous
      reason = "changes a class, a function or a module"
    case .overrides(let name):
      action = "BUILD of \(name)"
      verdict = .dangerous
      reason = "changes what Python does with an object"
    }
  }
}

extension Opcode {
  /// Whether it calls its operand, and not only a method of it.
  var isCall: Bool {
    switch self {
    case .reduce, .newObject, .newObjectWithKeywords, .instance, .object: true
    default: false
    }
  }
}

/// Where and why something stands out.
public struct PicklePlace: Sendable, Hashable {
  /// What it is.
  public let reason: String
  /// In bytes from the start of the member or file.
  public let offset: Int
}

/// What one pickle would import and call, and the verdict on it.
public struct PickleVerdict: Sendable, Hashable {
  /// The member of the archive that holds it, outermost archive first; empty for the file itself.
  public private(set) var member: [String]
  /// Where it starts, in bytes from the start of the member or file.
  public let offset: Int
  /// How many bytes it takes, up to its stop opcode or to where it cannot be followed.
  public let byteCount: Int
  /// What it would import and call, in the order of the pickle.
  public let findings: [PickleFinding]
  /// Where Python would stop with an error, if it would.
  public let fault: PicklePlace?
  /// The first import or call that is not a canonical one of plain data. `nil` when the file is
  /// proved plain: every call in it rebuilds a tensor or a plain container from plain arguments.
  public let unproved: PicklePlace?

  /// Whether every call is a canonical rebuild of plain data with plain arguments.
  public var isProvedPlain: Bool { unproved == nil && fault == nil }

  /// The worst of the findings; at least suspicious when the pickle cannot be followed.
  public var verdict: SafetyVerdict {
    let worst = findings.map(\.verdict).max() ?? .safe
    return fault == nil ? worst : max(worst, .suspicious)
  }

  /// The worst finding, the first of them.
  public var worst: PickleFinding? {
    let worst = findings.map(\.verdict).max()
    return findings.first { $0.verdict == worst }
  }

  /// The same pickle, seen from outside the file that holds it.
  func inside(_ file: String) -> PickleVerdict {
    var outer = self
    outer.member.insert(file, at: 0)
    return outer
  }

  init(_ trace: PickleTrace, member: [String], base: Int, start: Int, end: Int) {
    self.member = member
    offset = base + start
    byteCount = end - start
    findings = trace.entries.map {
      PickleFinding($0, trace.judgement(of: $0.subject), base: base)
    }
    fault =
      if let fault = trace.fault {
        PicklePlace(reason: fault.problem.text, offset: base + fault.offset)
      } else if trace.leftOut > 0 {
        PicklePlace(
          reason: "\(trace.leftOut) more kinds of imports and calls are not listed",
          offset: base + start)
      } else {
        nil
      }
    unproved = trace.unproved.map { PicklePlace(reason: $0.reason, offset: base + $0.offset) }
  }
}
