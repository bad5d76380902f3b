internal import Foundation
public import Reports
internal import TensorCore

extension ValidationReport {
  /// The report as a page: the verdict of each component and every check.
  public var page: Page {
    let checks = verdicts.flatMap(\.checks)
    let failed = checks.count { !$0.isPassed }
    let skipped = verdicts.count { if case .skipped = $0.outcome { true } else { false } }
    var page = Page(
      title: "\(URL(filePath: model).lastPathComponent) against "
        + URL(filePath: reference).lastPathComponent,
      verdict: isPassed
        ? "computes what the reference recorded: \(checks.count) checks passed"
        : "\(failed) of \(checks.count) checks failed",
      tone: isPassed ? (skipped > 0 ? .notable : .good) : .bad)
    page.add(
      "Models", .facts([Page.Fact("model", model), Page.Fact("reference", reference)]))
    page.add("Components", .facts(verdicts.map(Self.fact)))
    page.add("Relative errors", .map(map))
    page.add("Checks", .table(table))
    let blocks = checks.compactMap { check in
      check.firstBlock.map { "\(check.name): first block out of bound is \($0.block)" }
    }
    if !blocks.isEmpty { page.add("Where it went wrong", .notes(blocks)) }
    return page
  }

  private static func fact(_ verdict: ComponentVerdict) -> Page.Fact {
    if case .skipped(let reason) = verdict.outcome {
      return Page.Fact(verdict.component.rawValue, "skipped: \(reason)")
    }
    return Page.Fact(
      verdict.component.rawValue,
      "\(verdict.outcomeName), \(verdict.checks.count) check\(verdict.checks.count == 1 ? "" : "s") in "
        + String(format: "%.2f s", verdict.seconds))
  }

  private var map: BlockMap {
    BlockMap(
      figure: "relative error of each check",
      groups: verdicts.filter { !$0.checks.isEmpty }.map { verdict in
        BlockMap.Group(
          name: verdict.component.rawValue,
          cells: verdict.checks.map { check in
            BlockMap.Cell(
              label: check.name, value: check.comparison.relativeError,
              caption: "\(check.name): \(check.isPassed ? "passed" : "failed"), "
                + "bound \(check.bound)")
          })
      })
  }

  private var table: DataTable {
    DataTable(
      columns: [
        DataTable.Column("check"), DataTable.Column("component"), DataTable.Column("verdict"),
        DataTable.Column("shape"), DataTable.Column("max abs", .figure),
        DataTable.Column("relative", .figure), DataTable.Column("cosine"),
        DataTable.Column("PSNR dB", .figure), DataTable.Column("bound"),
        DataTable.Column("seconds", .figure),
      ],
      rows: verdicts.flatMap { verdict in
        verdict.checks.map { check in
          let found = check.comparison
          return [
            .string(check.name), .string(verdict.component.rawValue),
            .string(check.isPassed ? "passed" : "FAILED"),
            .string(found.shape.map(String.init).joined(separator: "×")),
            Self.number(found.maxAbsoluteError), Self.number(found.relativeError),
            .string(String(format: "%.9f", Double(found.cosineSimilarity))),
            Self.number(found.peakSignalToNoise), .string("\(check.bound)"),
            .number(check.seconds),
          ]
        }
      })
  }

  private static func number(_ value: Double?) -> JSON {
    value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
  }
}
