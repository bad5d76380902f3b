internal import Foundation
internal import TensorCore

extension ValidationReport {
  /// The report as JUnit XML: one suite a component, one case a check.
  public var junit: String {
    let checks = verdicts.flatMap(\.checks)
    let skipped = verdicts.count { $0.checks.isEmpty }
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    text += "<testsuites name=\"assay validate\" tests=\"\(checks.count + skipped)\""
    text += " failures=\"\(checks.count { !$0.isPassed })\" skipped=\"\(skipped)\""
    text += " time=\"\(Self.time(verdicts.reduce(0) { $0 + $1.seconds }))\">\n"
    for verdict in verdicts { text += suite(verdict) }
    return text + "</testsuites>\n"
  }

  private func suite(_ verdict: ComponentVerdict) -> String {
    let name = verdict.component.rawValue
    let failures = verdict.checks.count { !$0.isPassed }
    var text = "  <testsuite name=\"\(name)\" tests=\"\(max(verdict.checks.count, 1))\""
    text += " failures=\"\(failures)\" skipped=\"\(verdict.checks.isEmpty ? 1 : 0)\""
    text += " time=\"\(Self.time(verdict.seconds))\">\n"
    if case .skipped(let reason) = verdict.outcome {
      text += "    <testcase classname=\"\(name)\" name=\"\(name)\">"
      text += "<skipped message=\"\(Self.escaped(reason))\"/></testcase>\n"
    }
    for check in verdict.checks {
      text += "    <testcase classname=\"\(name)\" name=\"\(Self.escaped(check.name))\""
      text += " time=\"\(Self.time(check.seconds))\""
      if check.isPassed {
        text += "/>\n"
      } else {
        text += "><failure message=\"\(Self.escaped(check.failure))\"/></testcase>\n"
      }
    }
    return text + "  </testsuite>\n"
  }

  private static func time(_ seconds: Double) -> String { String(format: "%.3f", seconds) }

  private static func escaped(_ text: String) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "\t", "\n", "\r": output += "&#\(scalar.value);"
      // XML 1.0 has no spelling at all for the other control characters.
      case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": output += "\u{FFFD}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }
}

extension Check {
  /// The line that says why a check failed, and where the difference begins if traces tell.
  public var failure: String {
    var text = "\(name): "
    if comparison.nonFiniteCount > 0 {
      text += "\(comparison.nonFiniteCount) values are not finite"
    } else {
      text += "max abs error \(comparison.maxAbsoluteError.text(digits: 3))"
      text += ", relative error \(comparison.relativeError.text(digits: 3))"
    }
    if let ratio = comparison.peakSignalToNoise {
      text += ", PSNR \(String(format: "%.1f", ratio)) dB"
    }
    text += "; expected \(bound)"
    if let remark { text += "; \(remark)" }
    if let firstBlock {
      text += "; first block out of bound: \(firstBlock.block)"
      text += " (relative error \(firstBlock.comparison.relativeError.text(digits: 3))"
      text += firstBlock.lastGoodBlock.map { ", the one before it, \($0), is good)" } ?? ")"
    }
    return text
  }
}
