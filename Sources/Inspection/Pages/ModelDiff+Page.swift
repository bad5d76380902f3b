internal import Foundation
public import Reports
internal import TensorCore

extension ModelDiff {
  /// The comparison as a page: where the change is, and every tensor, most changed first.
  public var page: Page {
    let kind = verdict.kind
    let isQuiet = [.identical, .reencoded, .near].contains(kind)
    var page = Page(
      title: "\(Self.name(a.path)) → \(Self.name(b.path))", verdict: verdict.sentence,
      tone: isQuiet ? .good : .notable)
    page.add("Models", .facts(facts))
    page.add("Where it changed", .map(map))
    if let chart { page.add("How much the tensors changed", .bars(chart)) }
    page.add("Components", .table(Self.table("component", components)))
    page.add("Kinds of layer", .table(Self.table("kind of layer", kinds)))
    if hasAllRanks, !ranks.isEmpty {
      page.add("What a LoRA would hold", .table(energyTable))
      page.add("Ranks of the changes", .table(rankTable))
    }
    page.add("Tensors", .table(tensorTable))
    for (heading, tensors) in [("Removed", removed), ("Added", added)] where !tensors.isEmpty {
      page.add(heading, .table(Self.table(tensors)))
    }
    if !renamed.isEmpty {
      page.add("Renamed", .notes(renamed.map { "\($0.a.name) is \($0.b.name)" }))
    }
    return page
  }

  private static func name(_ path: String) -> String { URL(filePath: path).lastPathComponent }

  private var facts: [Page.Fact] {
    let sides = [("A", a), ("B", b)].map { title, side in
      Page.Fact(
        title, "\(side.path): \(side.format), \(side.family), \(side.tensorCount) tensors")
    }
    let left = leftBehind.map { group in
      Page.Fact(
        "only in \(group.isFirst ? "A" : "B")",
        "\(group.count) \(group.reason), which is no difference")
    }
    return sides + left
      + [Page.Fact("tensors that both have", "\(pairs.count), of them \(same) unchanged")]
  }

  private var same: Int { pairs.count { $0.state == .same } }

  /// The blocks of each component, coloured by the relative norm of the change.
  private var map: BlockMap {
    var groups: [(name: String, cells: [BlockMap.Cell])] = []
    // What no conversion takes along has no blocks.
    for block in blocks where !block.title.hasPrefix("left behind") {
      let parts = block.title.split(separator: " ", maxSplits: 1).map(String.init)
      let component = parts.first ?? ""
      if groups.last?.name != component { groups.append((component, [])) }
      groups[groups.count - 1].cells.append(
        BlockMap.Cell(
          label: parts.count > 1 ? parts[1] : component,
          value: block.difference.count == 0 ? nil : block.difference.relativeNorm,
          mark: block.mark, caption: "\(block.title): \(block.summary)"))
    }
    return BlockMap(
      figure: "relative norm of the change, ‖B − A‖ / ‖A‖",
      groups: groups.map { BlockMap.Group(name: $0.name, cells: $0.cells) })
  }

  /// The changed tensors by the power of ten of their relative norms, four ranges a power.
  private var chart: BarChart? {
    let norms = pairs.compactMap { pair in
      pair.state == .changed ? pair.difference?.relativeNorm : nil
    }.filter { $0 > 0 && $0.isFinite }
    guard norms.count > 1, let least = norms.min(), let most = norms.max() else { return nil }
    let first = Int((4 * log10(least)).rounded(.down))
    let last = max(Int((4 * log10(most)).rounded(.down)), first)
    guard last - first < 400 else { return nil }
    var counts = [Int](repeating: 0, count: last - first + 1)
    for norm in norms {
      counts[min(max(Int((4 * log10(norm)).rounded(.down)) - first, 0), last - first)] += 1
    }
    return BarChart(
      counts: counts, lowest: String(format: "%.1e", pow(10, Double(first) / 4)),
      highest: String(format: "%.1e", pow(10, Double(last + 1) / 4)),
      caption: "changed tensors by relative norm, logarithmic")
  }

  private static let figures = [
    DataTable.Column("rel. norm", .figure), DataTable.Column("max abs", .figure),
    DataTable.Column("mean abs", .figure), DataTable.Column("RMS", .figure),
    DataTable.Column("cosine", .text), DataTable.Column("values changed", .share),
    DataTable.Column("NaN/inf", .count),
  ]

  private static func cells(_ difference: TensorDifference?) -> [JSON] {
    // Of what cannot be compared nobody knows how much it changed.
    guard let difference, difference.count > 0 else { return figures.map { _ in .null } }
    return [
      number(difference.relativeNorm), number(difference.maxAbs), number(difference.meanAbs),
      number(difference.rootMeanSquare),
      difference.cosineSimilarity.map { .string(String(format: "%.6f", $0)) } ?? .null,
      .number(difference.changedFraction),
      .integer(difference.nonFiniteCountA + difference.nonFiniteCountB),
    ]
  }

  private static func number(_ value: Double?) -> JSON {
    // Six digits are more than a page shows.
    value.flatMap { $0.isFinite ? .number(Double(String(format: "%.5e", $0)) ?? $0) : nil } ?? .null
  }

  private static func table(_ title: String, _ groups: [DiffGroup]) -> DataTable {
    let counts = DiffGroup.countColumns(groups)
    return DataTable(
      columns: [DataTable.Column(title), DataTable.Column("tensors", .count)]
        + counts.map { DataTable.Column($0.title, .count) } + figures,
      rows: groups.map { group in
        [.string(group.title), .integer(group.pairCount)]
          + counts.map { .integer($0.value(group)) } + cells(group.difference)
      })
  }

  private var tensorTable: DataTable {
    let sorted = pairs.sorted { $0.extent > $1.extent }
    return DataTable(
      columns: [
        DataTable.Column("tensor"), DataTable.Column("state"), DataTable.Column("dtype"),
        DataTable.Column("shape"),
      ] + Self.figures,
      rows: sorted.map { pair in
        let types = pair.isRetyped ? "\(pair.typeA) → \(pair.typeB)" : pair.typeA
        let shape =
          pair.a.shape == pair.b.shape
          ? pair.a.shape.description : "\(pair.a.shape) → \(pair.b.shape)"
        return [
          .string(pair.name), .string(pair.state.rawValue), .string(types), .string(shape),
        ] + Self.cells(pair.difference)
      })
  }

  private static func table(_ tensors: [TensorDescription]) -> DataTable {
    DataTable(
      columns: [
        DataTable.Column("tensor"), DataTable.Column("dtype"), DataTable.Column("shape"),
      ],
      rows: tensors.map {
        [.string($0.name), .string($0.elementType.name), .string($0.shape.description)]
      })
  }
}

extension DiffGroup {
  /// What the figures do not tell.
  fileprivate var mark: BlockMap.Mark? {
    if count(.misshapen) > 0 { return .otherShape }
    return addedCount + removedCount > 0 ? .oneSided : nil
  }

  /// What happened to the tensors, in words.
  fileprivate var summary: String {
    let parts = [
      (count(.misshapen), "of another shape"), (addedCount, "added"), (removedCount, "removed"),
    ].filter { $0.0 > 0 }.map { "\($0.grouped) \($1)" }
    let norm =
      difference.count > 0 && !difference.relativeNorm.isNaN
      ? ["relative norm \(difference.relativeNorm.text(digits: 3))"] : []
    return (["\(count(.changed).grouped) of \(pairCount.grouped) tensors changed"] + parts + norm)
      .joined(separator: ", ")
  }
}

extension TensorPair {
  /// How much of a change it is: what cannot be compared comes first.
  fileprivate var extent: (Int, Double) {
    (relation == .incomparable ? 1 : 0, difference?.sumSquares ?? 0)
  }
}
