internal import Foundation
internal import Inspection
internal import TensorCore

extension ModelDiff {
  /// What a LoRA would hold of the changes, and the ranks of the largest; nothing where ranks were
  /// not asked for.
  func rankText(_ limit: Int) -> String {
    guard hasAllRanks else { return "" }
    guard !ranks.isEmpty else { return "\nno change of a matrix to decompose\n" }
    let text = "\n" + rankSummaryTable.text
    guard limit > 0 else { return text }
    let more =
      ranks.count > limit ? "and \(Format.count(ranks.count - limit)) more\n" : ""
    return text + "\n" + rankTable(limit).text + more
  }

  /// The same for a comment in Markdown.
  func rankMarkdown(_ limit: Int) -> String {
    guard hasAllRanks, !ranks.isEmpty else { return "" }
    var text = "\n" + rankSummaryTable.markdown
    guard limit > 0 else { return text }
    text += "\n<details><summary>ranks of \(min(limit, ranks.count)) of \(ranks.count) changed "
    return text + "matrices</summary>\n\n" + rankTable(limit).markdown + "\n</details>\n"
  }

  private var rankSummaryTable: Table {
    var table = Table(
      [("energy held by rank", .left), ("matrices", .right)]
        + RankSummary.steps.map { ("\($0)", .right) })
    for summary in rankSummaries {
      table.add(
        [summary.component.isEmpty ? DiffGroup.noComponent : summary.component]
          + [Format.count(summary.count)] + summary.shares.map(Self.percent))
    }
    return table
  }

  private func rankTable(_ limit: Int) -> Table {
    var table = Table([
      ("change of", .left), ("matrix", .right), ("norm", .right), ("above rounding", .right),
      ("effective", .right), ("for 50 %", .right), ("90 %", .right), ("99 %", .right),
    ])
    for rank in ranks.prefix(limit) {
      table.add(
        [
          rank.name, "\(rank.rows) x \(rank.columns)" + (rank.isWhole ? "" : " of it"),
          (rank.energy.squareRoot()).text(digits: 3),
          rank.rank.map { Format.count($0) } ?? "cannot tell", Format.fixed(rank.effectiveRank, 1),
        ] + [0.5, 0.9, 0.99].map { Format.count(rank.rank(holding: $0)) })
    }
    return table
  }

  /// Never 100 % where something is left.
  private static func percent(_ share: Double) -> String {
    share < 1 && share > 0.9995 ? "> 99.9 %" : Format.fixed(100 * share, 1) + " %"
  }
}
