internal import Foundation
internal import TensorCore
internal import Validation

extension ValidationReport {
  /// The report as a table, one line a check, what failed in words, and the verdict.
  func text(failuresOnly: Bool) -> String {
    let failures = verdicts.flatMap(\.checks).filter { !$0.isPassed }
    if failuresOnly && isPassed { return "" }
    var table = Table([
      ("component", .left), ("check", .left), ("shape", .left), ("max abs", .right),
      ("relative", .right), ("cosine", .right), ("PSNR", .right), ("bound", .left),
      ("time", .right), ("verdict", .left),
    ])
    for verdict in verdicts {
      for check in verdict.checks where !(failuresOnly && check.isPassed) {
        table.add(check.cells(component: verdict.component.rawValue))
      }
    }
    let skipped = verdicts.compactMap { verdict in
      if case .skipped(let reason) = verdict.outcome {
        "SKIP  \(verdict.component.rawValue): \(reason)\n"
      } else {
        nil
      }
    }
    let details = failures.map { "FAIL  " + $0.failure.escapingControls + "\n" }
    return table.text + "\n" + details.joined() + skipped.joined() + summary + "\n"
  }

  private var summary: String {
    let words = ["passed", "failed", "skipped"].compactMap { name in
      let count = verdicts.count { $0.outcomeName == name }
      return count > 0 ? "\(count) \(name)" : nil
    }
    let seconds = verdicts.reduce(0) { $0 + $1.seconds }
    return "\(isPassed ? "PASS" : "FAIL")  \(model.escapingControls) against "
      + "\(reference.escapingControls): \(words.joined(separator: ", ")), "
      + Format.seconds(seconds)
  }
}

extension Check {
  /// The check's line in the table. A further result of one computation has a ditto for its time.
  fileprivate func cells(component: String) -> [String] {
    let figures = comparison
    return [
      component, name, figures.shape.map(String.init).joined(separator: "x"),
      figures.maxAbsoluteError.text(digits: 2),
      figures.relativeError.text(digits: 2),
      Format.fixed(figures.cosineSimilarity, 9),
      figures.peakSignalToNoise.map { $0.isFinite ? "\(Format.fixed($0, 1)) dB" : "\($0)" } ?? "",
      "\(bound)", seconds > 0 ? Format.seconds(seconds) : "\"", isPassed ? "pass" : "FAIL",
    ]
  }
}

extension ValidationProgress {
  /// `validating generation: picture 1 of 3, step 12 of 51`.
  var text: String {
    let detail = total > 0 ? ": picture \(part) of \(parts), evaluation \(done) of \(total)" : ""
    return "validating \(component.rawValue)\(detail)"
  }
}
