internal import Foundation
internal import Inspection
internal import TensorCore

extension ModelDiff {
  /// The comparison for people: the verdict, what differs by component and block, and the tensors
  /// that changed most.
  func text(_ limit: Int) -> String {
    var text = [a, b].map { side in
      "\(side.path.escapingControls): \(side.format), \(side.family), "
        + "\(Format.count(side.tensorCount)) tensors, \(Format.bytes(side.byteCount))\n"
    }.joined()
    text += "\(verdict.sentence.escapingControls)\n"
    text += "read \(Format.bytes(touchedBytes)) of \(Format.bytes(a.byteCount + b.byteCount))"
    if rereadBytes > 0 { text += ", \(Format.bytes(rereadBytes)) again" }
    let spared = pairs.count(where: \.isSpared)
    text += spared > 0 ? ": \(Format.count(spared)) tensors have equal digests\n" : "\n"
    for group in leftBehind {
      text +=
        "only in \(group.isFirst ? "A" : "B"), and no difference: \(group.count) "
        + "\(group.reason.escapingControls)\n"
    }
    text += "\n" + componentTable.text
    if !changedBlocks.isEmpty { text += "\n" + blockTable.text }
    if !changedKinds.isEmpty { text += "\n" + kindTable.text }
    text += names("removed", removed.map(\.name), limit)
    text += names("added", added.map(\.name), limit)
    text += names("renamed", renamed.map { "\($0.a.name) is \($0.b.name)" }, limit)
    return text + rearrangedText(limit) + misshapenText(limit) + tensorText(limit)
      + rankText(limit)
  }

  /// The pairs that differ beyond a rounding, those first that most of the change is in.
  var worst: [TensorPair] {
    pairs.filter { $0.state == .changed || $0.state == .near }.sorted {
      ($0.difference?.sumSquares ?? 0) > ($1.difference?.sumSquares ?? 0)
    }
  }

  private var changedBlocks: [DiffGroup] { blocks.filter { !$0.isReencoded } }
  private var changedKinds: [DiffGroup] { kinds.filter { !$0.isReencoded } }

  private var componentTable: Table { groupTable("component", components) }
  private var blockTable: Table { groupTable("block", changedBlocks) }
  private var kindTable: Table { groupTable("kind of layer", changedKinds) }

  private func groupTable(_ title: String, _ groups: [DiffGroup]) -> Table {
    let counts = DiffGroup.countColumns(groups)
    var table = Table(
      [(title, .left), ("tensors", .right)] + counts.map { ($0.title, .right) }
        + Figures.titles.map { ($0, .right) })
    for group in groups {
      table.add(
        [group.title, Format.count(group.pairCount)]
          + counts.map { Format.count($0.value(group)) }
          + Figures(group.difference).cells)
    }
    return table
  }

  private func names(_ title: String, _ names: [String], _ limit: Int) -> String {
    guard !names.isEmpty else { return "" }
    let more = names.count > limit ? "  and \(names.count - limit) more\n" : ""
    return "\n\(title)\n" + names.prefix(limit).map { "  \($0.escapingControls)\n" }.joined() + more
  }

  private func rearrangedText(_ limit: Int) -> String {
    names(
      "other arrangements",
      pairs.compactMap { pair in
        let shapes = "\(pair.a.shape) is \(pair.b.shape)"
        return switch pair.relation {
        case .reshaped: "\(pair.name): \(shapes)"
        case .transposed: "\(pair.name): \(shapes), transposed"
        case .halvesSwapped: "\(pair.name): \(pair.a.shape), the halves swapped"
        case .same, .rows, .incomparable: nil
        }
      }, limit)
  }

  private var misshapen: [TensorPair] { pairs.filter { $0.state == .misshapen } }

  private func misshapenText(_ limit: Int) -> String {
    names(
      "other shapes",
      misshapen.map { pair in
        var text = "\(pair.name): \(pair.a.shape) is \(pair.b.shape)"
        if case .rows(let common) = pair.relation, let difference = pair.difference {
          text +=
            difference.changedCount == 0
            ? ", the first \(common) rows are the same"
            : ", \(Format.count(difference.changedCount)) values of the first \(common) rows changed"
        }
        return text
      }, limit)
  }

  private func tensorText(_ limit: Int) -> String {
    let worst = worst
    guard !worst.isEmpty, limit > 0 else { return "" }
    var table = Table(
      [("tensor", .left), ("type", .left), ("shape", .left)]
        + Figures.titles.map { ($0, .right) })
    for pair in worst.prefix(limit) {
      let types = pair.isRetyped ? "\(pair.typeA), \(pair.typeB)" : pair.typeA
      table.add(
        [pair.name, types, pair.a.shape.description]
          + Figures(pair.difference ?? TensorDifference()).cells)
    }
    let more = worst.count > limit ? "and \(Format.count(worst.count - limit)) more\n" : ""
    return "\n" + table.text + more
  }
}

extension ModelDiff {
  /// The verdict and the components as Markdown; the tensors folded away.
  func markdown(_ limit: Int) -> String {
    var text = "**\(verdict.sentence.escapingMarkdown)**\n\n"
    text +=
      "A: `\(a.path.escapingControls)` (\(a.format)), B: `\(b.path.escapingControls)` (\(b.format))\n\n"
    let counts = DiffGroup.countColumns(components)
    var table = Table(
      [("component", .left)]
        + (["tensors"] + counts.map(\.title) + Figures.titles).map { ($0, .right) })
    for group in components {
      table.add(
        [group.title, Format.count(group.pairCount)]
          + counts.map { Format.count($0.value(group)) } + Figures(group.difference).cells)
    }
    text += table.markdown
    let lists = [
      ("removed", removed.map(\.name)), ("added", added.map(\.name)),
      ("renamed", renamed.map { "\($0.a.name) → \($0.b.name)" }),
      ("of another shape", misshapen.map { "\($0.name) \($0.a.shape) → \($0.b.shape)" }),
    ]
    for (title, names) in lists where !names.isEmpty {
      let list = names.prefix(limit).map { "`\($0.escapingControls)`" }.joined(separator: ", ")
      text +=
        "\n\(title): \(list)" + (names.count > limit ? " and \(names.count - limit) more" : "")
        + "\n"
    }
    text += rankMarkdown(limit)
    let worst = worst
    guard !worst.isEmpty, limit > 0 else { return text }
    text +=
      "\n<details><summary>\(min(limit, worst.count)) of \(worst.count) changed tensors</summary>\n\n"
    var tensors = Table(
      [("tensor", .left), ("shape", .left)] + Figures.titles.map { ($0, .right) })
    for pair in worst.prefix(limit) {
      tensors.add(
        [pair.name, pair.a.shape.description] + Figures(pair.difference ?? TensorDifference()).cells
      )
    }
    text += tensors.markdown
    return text + "\n</details>\n"
  }
}

/// The figures of a comparison as cells of a table.
private struct Figures {
  static let titles = [
    "max abs", "mean abs", "RMS", "rel. norm", "cosine", "values changed", "NaN/inf",
  ]
  let cells: [String]

  init(_ difference: TensorDifference) {
    // Of what cannot be compared nobody knows how much it changed.
    guard difference.count > 0 else {
      cells = Self.titles.map { _ in "" }
      return
    }
    let nonFinite = [difference.nonFiniteCountA, difference.nonFiniteCountB]
    cells =
      [
        difference.maxAbs, difference.meanAbs ?? 0, difference.rootMeanSquare ?? 0,
        difference.relativeNorm,
      ].map(Self.short) + [
        difference.cosineSimilarity.map { Format.fixed($0, 6) } ?? "",
        Self.percent(difference),
        nonFinite == [0, 0] ? "" : "\(Format.count(nonFinite[0])), \(Format.count(nonFinite[1]))",
      ]
  }

  private static func short(_ value: Double) -> String {
    // Where both sums of squares overflow, nobody knows their ratio.
    value.isNaN ? "" : value == 0 ? "0" : value.text(digits: 2)
  }

  /// Never 0 % where something changed, nor 100 % where something did not.
  private static func percent(_ difference: TensorDifference) -> String {
    if difference.changedCount == 0 { return "0" }
    if difference.changedCount == difference.count { return "100 %" }
    let percent = 100 * difference.changedFraction
    return percent < 0.1 ? "< 0.1 %" : percent > 99.9 ? "> 99.9 %" : "\(Format.fixed(percent, 1)) %"
  }
}
