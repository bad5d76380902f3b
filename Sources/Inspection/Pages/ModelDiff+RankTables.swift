internal import Reports
internal import TensorCore

extension ModelDiff {
  /// What a LoRA would hold of the changes, by component.
  var energyTable: DataTable {
    DataTable(
      columns: [DataTable.Column("energy held by rank"), DataTable.Column("matrices", .count)]
        + RankSummary.steps.map { DataTable.Column("\($0)", .share) },
      rows: rankSummaries.map { summary in
        [
          .string(summary.component.isEmpty ? "(no component)" : summary.component),
          .integer(summary.count),
        ] + summary.shares.map { .number($0) }
      })
  }

  /// The ranks of every matrix's change, the largest change first.
  var rankTable: DataTable {
    DataTable(
      columns: [
        DataTable.Column("change of"), DataTable.Column("matrix"),
        DataTable.Column("norm", .figure), DataTable.Column("above rounding", .count),
        DataTable.Column("effective", .figure), DataTable.Column("for 50 %", .count),
        DataTable.Column("90 %", .count), DataTable.Column("99 %", .count),
      ],
      rows: ranks.map { rank in
        [
          .string(rank.name),
          .string("\(rank.rows) × \(rank.columns)" + (rank.isWhole ? "" : " of it")),
          .number(rank.energy.squareRoot()), rank.rank.map { .integer($0) } ?? .null,
          .number(rank.effectiveRank),
        ] + [0.5, 0.9, 0.99].map { .integer(rank.rank(holding: $0)) }
      })
  }
}
