internal import Foundation
internal import Inspection
internal import TensorCore

extension Lineage {
  /// The lineage for people: distances, tree, base, merges.
  var text: String {
    let total = grams.total
    var text = "\(Format.count(grams.tensorCount)) tensors that all have, "
    text += "\(Format.count(total.elementCount)) values"
    if total.nonFiniteCount > 0 {
      text += ", \(Format.count(total.nonFiniteCount)) of them NaN or infinite and left out"
    }
    text += "\n"
    if let first = grams.unshared.first {
      text += "left out: \(Format.count(grams.unshared.count)) tensors that some lack or have in "
      text += "another shape or form, first \(first.escapingControls)\n"
    }
    text += "\n" + distanceTable(total).text + "\n" + treeText + "\n"
    text += sharedText
    for (a, b) in equal { text += "\(name(b)) has the weights of \(name(a))\(exception(a, b))\n" }
    for (a, b) in rounded {
      text += "\(name(b)) differs from \(name(a)) by no more than rounding\n"
    }
    for model in blank {
      text += "\(name(model)) has no weights but zeros: cannot tell how it is related\n"
    }
    switch base {
    case .model(let model, let cosine):
      text += "base: \(name(model)), from which the others went their own ways "
      text += "(mean cosine \(Self.number(cosine)))\n"
    case .unknown(let reason): text += "base: cannot tell, \(reason)\n"
    }
    if merges.isEmpty { text += "merges: none of them is a weighted sum of others\n" }
    for merge in merges { text += mergeText(merge) }
    return text
  }

  /// What is not the same in two models without any difference where both have numbers.
  private func exception(_ a: Int, _ b: Int) -> String {
    let counts = [b, a].map { ($0, grams.total.nonFiniteCounts[$0]) }.filter { $0.1 > 0 }
    guard !counts.isEmpty else { return "" }
    return ", but for what was left out: "
      + counts.map { model, count in
        "\(Format.count(count)) \(count == 1 ? "weight is" : "weights are") NaN or infinite in "
          + name(model)
      }.joined(separator: ", ")
  }

  private func name(_ model: Int) -> String { grams.paths[model].escapingControls }

  private func distanceTable(_ total: GramMatrix) -> Table {
    let numbers = grams.paths.indices.map { "\($0 + 1)" }
    var table = Table(
      [("relative distance", .left)] + numbers.map { ($0, .right) })
    for a in grams.paths.indices {
      table.add(
        ["\(a + 1)  \(name(a))"]
          + grams.paths.indices.map { a == $0 ? "0" : Self.number(total.relativeDistance(a, $0)) })
    }
    return table
  }

  /// Which components several models have in common, where not all of it is.
  private var sharedText: String {
    var text = ""
    for (component, gram) in grams.components where !component.isEmpty {
      var rest = Array(grams.paths.indices)
      while let first = rest.first {
        let group = rest.filter { gram.distance(first, $0) == 0 }
        rest.removeAll(where: group.contains)
        let isNews = group.count > 1 && !group.allSatisfy { model in isEqual(first, model) }
        guard isNews else { continue }
        let numbers = group.map { "\($0 + 1)" }
        text += "\(component.escapingControls): the same in "
        text += "\(numbers.dropLast().joined(separator: ", ")) and \(numbers.last ?? "")\n"
      }
    }
    return text
  }

  private func isEqual(_ a: Int, _ b: Int) -> Bool {
    a == b || grams.total.distance(a, b) == 0
  }

  private var treeText: String {
    func below(_ model: Int, _ indent: String) -> String {
      let children = tree.filter { $0.parent == model }
      return children.enumerated().map { place, edge in
        let isLast = place == children.count - 1
        return indent + (isLast ? "└─ " : "├─ ") + "\(Self.number(edge.distance))  "
          + "\(name(edge.child))\n" + below(edge.child, indent + (isLast ? "   " : "│  "))
      }.joined()
    }
    return "\(name(root))\n" + below(root, "")
  }

  private func mergeText(_ merge: Merge) -> String {
    var text = "\(name(merge.model)) is a merge: "
    text += zip(merge.whole.parents, merge.whole.ratios)
      .map { "\(Self.number($1)) × \(name($0))" }.joined(separator: " + ")
    let unknown = merge.blocks.count { $0.solution == nil }
    if merge.isUniform {
      text += ", leaving \(Self.percent(merge.whole.residual)) of the distance\n"
      text += "  the same in every block"
      text += unknown > 0 ? " that tells; in \(unknown) the parents are too alike\n" : "\n"
      return text
    }
    text += " on average; block by block, leaving \(Self.percent(merge.blockResidual)) "
    text += "of the distance:\n"
    var table = Table(
      [("block", .left)] + merge.whole.parents.map { ("\($0 + 1)", .right) }
        + [("left", .right)])
    let components = Dictionary(grouping: merge.blocks, by: \.name.firstComponent)
    for block in merge.blocks {
      let component = block.name.firstComponent
      let others = components[component] ?? []
      // Of a component in which nothing tells, one line says so.
      let isSilent = others.count > 1 && others.allSatisfy { $0.solution == nil }
      guard !isSilent || block == others.first else { continue }
      guard let solution = block.solution else {
        table.add(
          [isSilent ? "\(component), all blocks" : block.name]
            + merge.whole.parents.map { _ in "" } + ["cannot tell, too alike"])
        continue
      }
      table.add(
        [block.name] + solution.ratios.map(Self.number) + [Self.percent(solution.residual)])
    }
    return text + table.text
  }

  private static func number(_ value: Double) -> String {
    value.isFinite ? value.text(digits: 3) : "cannot tell"
  }

  private static func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }
}
