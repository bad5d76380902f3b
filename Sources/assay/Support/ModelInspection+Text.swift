internal import Foundation
internal import Inspection
internal import TensorCore

extension ModelInspection {
  /// More tensors than this are listed only when somebody asks.
  private static let listedCount = 60

  /// The tree, the tensors, and what else was asked for.
  ///
  /// - Parameter listsTensors: whether to list the tensors, however many there are.
  func text(listsTensors: Bool) -> String {
    if let detail {
      return detail.text + (raster.map { "drawn: \($0.legend)\n" } ?? "")
    }
    var text = tree.root.children.isEmpty ? "" : treeTable.text
    if let facts {
      text += "\n" + Self.statisticsTable(facts).text
    } else if listsTensors || tensors.count <= Self.listedCount {
      text += "\n" + tensorTable.text
    }
    return text + (answers.isEmpty ? "" : "\n" + answers)
  }

  /// What was asked for beyond the tree and the tensors.
  var answers: String {
    let parts = [
      fileHashes.isEmpty ? nil : hashText, fingerprints.map(fingerprintText), health?.text,
    ]
    return parts.compactMap { $0 }.joined(separator: "\n")
  }

  private var treeTable: Table {
    var table = Table([
      ("part", .left), ("tensors", .right), ("parameters", .right), ("size", .right),
      ("share", .right), ("dtypes", .left),
    ])
    add(tree.root.children, level: 0, to: &table)
    return table
  }

  private func add(_ nodes: [ModelTree.Node], level: Int, to table: inout Table) {
    for node in nodes {
      let share = 100 * Double(node.byteCount) / Double(max(tree.root.byteCount, 1))
      table.add([
        String(repeating: "  ", count: level) + node.title, Format.count(node.tensorCount),
        Format.count(node.parameterCount), Format.bytes(node.byteCount),
        Format.fixed(share, 1) + " %", node.elementTypes.map(\.name).joined(separator: ", "),
      ])
      add(node.children, level: level + 1, to: &table)
    }
  }

  private var tensorTable: Table {
    let digests = tensorDigests
    var table = Table(
      [("tensor", .left), ("dtype", .left), ("shape", .left)]
        + (digests.isEmpty ? [] : [("fingerprint", .left)]))
    for (index, tensor) in tensors.enumerated() {
      table.add(
        [tensor.name, tensor.elementType.name, tensor.shape.description]
          + (digests.isEmpty ? [] : [digests[index].description]))
    }
    return table
  }

  private static func statisticsTable(_ facts: ModelFacts) -> Table {
    var table = Table([
      ("tensor", .left), ("dtype", .left), ("shape", .left), ("min", .right), ("max", .right),
      ("mean", .right), ("std", .right), ("zeros", .right), ("NaN/inf", .right),
    ])
    for tensor in facts.tensors {
      let description = tensor.description
      table.add(
        [description.name, description.elementType.name, description.shape.description]
          + (tensor.statistics?.cells ?? ["", "", "", "", "", ""]))
    }
    return table
  }

  private var hashText: String {
    var table = Table([("file", .left), ("hash", .left), ("value", .left)])
    for file in fileHashes {
      let name = URL(filePath: file.path).lastPathComponent
      let hashes = [
        ("SHA-256", file.sha256), ("AutoV1", file.autoV1), ("AutoV2", file.autoV2),
        ("AutoV3", file.autoV3), ("sd-scripts", file.tensorData), ("modelspec", file.modelspec),
      ]
      for (title, value) in hashes {
        if let value { table.add([name, title, value]) }
      }
    }
    let stated = statedHashes.map { hash in
      let verdict = hash.isRight.map { $0 ? "right" : "WRONG" } ?? "cannot be told"
      return "metadata \(hash.key) \(hash.stated.escapingControls): \(verdict)\n"
    }
    return table.text + stated.joined()
  }

  private func fingerprintText(_ fingerprints: Fingerprints) -> String {
    var table = Table([("weights of", .left), ("fingerprint", .left), ("known as", .left)])
    table.add(["everything", fingerprints.whole.description, ""])
    for component in fingerprints.components {
      let known = knownNames[component.name].map { "the same as \($0)" } ?? ""
      table.add([component.name, component.fingerprint.description, known])
    }
    return table.text
  }
}

extension TensorStatistics {
  /// The figures as cells of a table.
  fileprivate var cells: [String] {
    [minimum, maximum, mean, standardDeviation].map { $0.isNaN ? "" : $0.text(digits: 4) }
      + [Format.count(zeroCount), Format.count(nonFiniteCount)]
  }
}

extension HealthReport {
  /// The most findings of one kind to show.
  private static let shownCount = 20

  /// A line for each finding, and the first tensors that it concerns.
  fileprivate var text: String {
    if findings.isEmpty { return "health: nothing found\n" }
    var text = "health: \(isHealthy ? "nothing that breaks the model" : "damaged")\n"
    var counts: [Kind: Int] = [:]
    for finding in findings {
      counts[finding.kind, default: 0] += 1
      guard counts[finding.kind, default: 0] <= Self.shownCount else { continue }
      text += "  \(finding.isProblem ? "DAMAGE " : "remark ") \(finding.text.escapingControls)\n"
      for name in finding.tensors.prefix(3) { text += "    \(name.escapingControls)\n" }
      if finding.tensors.count > 3 { text += "    and \(finding.tensors.count - 3) more\n" }
    }
    for kind in Kind.allCases {
      let more = counts[kind, default: 0] - Self.shownCount
      if more > 0 { text += "  and \(Format.count(more)) more of the kind '\(kind.rawValue)'\n" }
    }
    return text
  }
}

extension TensorDetail {
  private static let barWidth = 50

  /// Figures, histogram and first values.
  fileprivate var text: String {
    var text =
      "\(description.name.escapingControls): \(description.elementType) \(description.shape)"
    text += ", \(Format.count(description.shape.elementCount)) values\n"
    if let sourceName, sourceName != description.name {
      text += "in the file: \(sourceName.escapingControls)\n"
    }
    text += "XXH3-128: \(digest)\n"
    if let statistics {
      let titles = ["min", "max", "mean", "std", "zeros", "NaN/inf"]
      text +=
        zip(titles, statistics.cells).map { "\($0) \($1.isEmpty ? "-" : $1)" }
        .joined(separator: ", ") + "\n"
    }
    if let histogram { text += "\n" + histogram.text(width: Self.barWidth) }
    if !firstValues.isEmpty {
      let values = firstValues.map { $0.text(digits: 6) }.joined(separator: " ")
      text += "\nfirst values: \(values)\n"
    }
    return text
  }
}

extension Histogram {
  /// A bar a step. What is there at all is seen: the shortest bar is a dot.
  fileprivate func text(width: Int) -> String {
    let most = max(counts.max() ?? 0, 1)
    var table = Table([("from", .right), ("values", .right), ("", .left)])
    let step = (maximum / 2 - minimum / 2) / Double(counts.count) * 2
    for (index, count) in counts.enumerated() {
      let length = count * width / most
      let bar = length > 0 ? String(repeating: "#", count: length) : count > 0 ? "." : ""
      table.add([
        (minimum + Double(index) * step).text(digits: 4), Format.count(count), bar,
      ])
    }
    return table.text
  }
}
