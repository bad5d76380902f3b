internal import Checkpoints
internal import Foundation
internal import KeyLayouts
public import Reports
internal import TensorCore

extension ModelInspection {
  /// The inspection as a page: components, blocks by size, every tensor, and what was asked for
  /// beside.
  public func page(_ summary: CheckpointSummary) -> Page {
    let checkpoint = summary.checkpoint
    let problems = health?.findings.filter(\.isProblem).count ?? 0
    var page = Page(
      title: URL(filePath: checkpoint.path).lastPathComponent, verdict: Self.verdict(summary),
      tone: problems > 0 ? .bad : summary.problems.isEmpty ? .good : .notable)
    page.add("Model", .facts(Self.facts(summary)))
    if let map { page.add("Blocks", .map(map)) }
    if !summary.problems.isEmpty { page.add("Ledger", .notes(summary.problems)) }
    if let health {
      page.add(
        "Health",
        .notes(health.findings.isEmpty ? ["nothing found"] : health.findings.map(\.text)))
    }
    if !fileHashes.isEmpty || fingerprints != nil { page.add("Hashes", .facts(hashFacts)) }
    if let detail { addDetail(detail, to: &page) }
    let training = TrainingSummary(metadata: checkpoint.metadata)
    if !training.lines.isEmpty {
      page.add("How it was made", .facts(training.lines.map { Page.Fact($0.title, $0.text) }))
    }
    page.add("Tensors", .table(tensorTable))
    let metadata = checkpoint.metadata.members.filter { !training.usedKeys.contains($0.key) }
    if !metadata.isEmpty {
      page.add(
        "Metadata",
        .facts(
          metadata.map { Page.Fact($0.key, Self.short($0.value.stringValue ?? $0.value.text())) }))
    }
    return page
  }

  private static func verdict(_ summary: CheckpointSummary) -> String {
    switch summary.reading {
    case .success(let reading):
      "\(reading.detection.family.title) in \(reading.detection.layout.rawValue) names, "
        + reading.ledger.summary
    case .failure(let error): summary.partLines.first ?? error.description
    }
  }

  private static func facts(_ summary: CheckpointSummary) -> [Page.Fact] {
    let checkpoint = summary.checkpoint
    var facts = [
      Page.Fact("file", checkpoint.path), Page.Fact("format", checkpoint.format.rawValue),
      Page.Fact("tensors", checkpoint.source.tensors.count.grouped),
      Page.Fact("values", summary.elementCount.grouped),
      Page.Fact("bytes of tensors", summary.byteCount.grouped),
      Page.Fact("dtypes", summary.elementTypes.map(\.elementType.name).joined(separator: ", ")),
    ]
    if case .success(let reading) = summary.reading {
      facts.append(
        Page.Fact("evidence", reading.detection.evidence.joined(separator: "; ")))
      if reading.components.contains(.unet) {
        facts.append(
          Page.Fact(
            "prediction type",
            "\(reading.prediction.type.rawValue) (\(reading.prediction.reason))"))
      }
    }
    let details = summary.partLines.dropFirst()
    if !details.isEmpty {
      facts.append(Page.Fact("details", details.joined(separator: "; ")))
    }
    if let safety = checkpoint.shownSafety { facts.append(Page.Fact("pickle", safety.summary)) }
    return facts
  }

  private var hashFacts: [Page.Fact] {
    let files = fileHashes.flatMap { file in
      [
        Page.Fact("SHA-256", file.sha256), Page.Fact("AutoV2", file.autoV2),
        file.autoV1.map { Page.Fact("AutoV1", $0) }, file.autoV3.map { Page.Fact("AutoV3", $0) },
        file.tensorData.map { Page.Fact("sd-scripts", $0) },
        file.modelspec.map { Page.Fact("modelspec", $0) },
      ].compactMap(\.self)
    }
    let stated = statedHashes.map { hash in
      Page.Fact(
        "stated \(hash.key)",
        "\(hash.stated): \(hash.isRight.map { $0 ? "right" : "wrong" } ?? "cannot be told")")
    }
    let prints = fingerprints.map { prints in
      [Page.Fact("weights", prints.whole.description)]
        + prints.components.map { component in
          Page.Fact(
            component.name,
            component.fingerprint.description
              + (knownNames[component.name].map { ", the same as \($0)" } ?? ""))
        }
    }
    return files + stated + (prints ?? [])
  }

  /// One tensor closely: what it is, and how its values are distributed.
  private func addDetail(_ detail: TensorDetail, to page: inout Page) {
    let name = detail.description.name
    var facts = [
      Page.Fact("tensor", name),
      Page.Fact("type", "\(detail.description.elementType) \(detail.description.shape)"),
      Page.Fact("fingerprint", detail.digest.description),
      Page.Fact(
        "first values",
        detail.firstValues.map { $0.text(digits: 6) }.joined(separator: " ")),
    ]
    if let statistics = detail.statistics {
      let figures = [
        ("min", statistics.minimum), ("max", statistics.maximum), ("mean", statistics.mean),
        ("std", statistics.standardDeviation),
      ]
      facts += figures.map { Page.Fact($0, $1.text(digits: 6)) }
      facts += [
        Page.Fact("zeros", statistics.zeroCount.grouped),
        Page.Fact("NaN or infinite", statistics.nonFiniteCount.grouped),
      ]
    }
    page.add("One tensor", .facts(facts))
    if let histogram = detail.histogram {
      page.add(
        "Its values",
        .bars(
          BarChart(
            counts: histogram.counts, lowest: histogram.minimum.text(digits: 4),
            highest: histogram.maximum.text(digits: 4), caption: "values of \(name)")))
    }
  }

  /// The blocks of each component, coloured by their parameters.
  private var map: BlockMap? {
    let groups = tree.root.children.filter { $0.title != "left behind" }.map { component in
      BlockMap.Group(
        name: component.title,
        cells: (component.children.isEmpty ? [component] : component.children).map { block in
          BlockMap.Cell(
            label: block.title, value: Double(block.parameterCount),
            caption: "\(block.path): \(block.tensorCount.grouped) tensors, "
              + "\(block.parameterCount.grouped) parameters")
        })
    }
    return groups.isEmpty ? nil : BlockMap(figure: "parameters", .count, groups: groups)
  }

  private var tensorTable: DataTable {
    let known = facts.map { facts in
      Dictionary(
        facts.tensors.map { ($0.description.name, $0.statistics) },
        uniquingKeysWith: { first, _ in first })
    }
    let statistics: [DataTable.Column] =
      known == nil
      ? []
      : [
        DataTable.Column("min", .figure), DataTable.Column("max", .figure),
        DataTable.Column("mean", .figure), DataTable.Column("std", .figure),
        DataTable.Column("zeros", .count), DataTable.Column("NaN/inf", .count),
      ]
    return DataTable(
      columns: [
        DataTable.Column("tensor"), DataTable.Column("dtype"), DataTable.Column("shape"),
        DataTable.Column("values", .count), DataTable.Column("size", .bytes),
      ] + statistics,
      rows: tensors.map { tensor in
        [
          .string(tensor.name), .string(tensor.elementType.name),
          .string(tensor.shape.description), .integer(tensor.shape.elementCount),
          .integer(tensor.elementType.byteCount(for: tensor.shape) ?? 0),
        ] + (known.map { Self.cells($0[tensor.name] ?? nil) } ?? [])
      })
  }

  private static func cells(_ statistics: TensorStatistics?) -> [JSON] {
    guard let statistics else { return [JSON](repeating: .null, count: 6) }
    let figures = [
      statistics.minimum, statistics.maximum, statistics.mean, statistics.standardDeviation,
    ]
    return figures.map { value in
      value.isFinite ? .number(Double(String(format: "%.5e", value)) ?? value) : .null
    } + [.integer(statistics.zeroCount), .integer(statistics.nonFiniteCount)]
  }

  private static func short(_ text: String) -> String {
    text.count <= 400 ? text : text.prefix(397) + "..."
  }
}

extension CheckpointSummary {
  /// What keeps the model from being whole or explained, one line each.
  var problems: [String] {
    guard case .success(let reading) = reading else { return [] }
    return (reading.firstGap.map { [$0.description] } ?? [])
      + reading.ledger.unexplained.map { "unexplained: \($0)" }
      + reading.absentComponents.map { "no \($0.title)" }
  }
}
