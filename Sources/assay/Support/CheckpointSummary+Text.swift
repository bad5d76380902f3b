internal import Checkpoints
internal import Inspection
internal import KeyLayouts
internal import TensorCore

extension CheckpointSummary {
  /// The summary for people: totals, family, components, ledger, metadata and opaque values.
  var text: String {
    let count = checkpoint.source.tensors.count
    var text = "\(checkpoint.path.escapingControls): \(checkpoint.format.rawValue), "
    text +=
      "\(Format.count(count)) tensor\(count == 1 ? "" : "s"), \(Format.count(elementCount)) values, "
    text += "\(Format.bytes(byteCount))\n"
    // What is a textual inversion or a LoRA for certain is of no family, and nobody asks.
    let lines = partLines
    text += lines.isEmpty ? familyText : Self.joined(lines)
    // An embedding may stand beside a LoRA, or only perhaps be one.
    if let embeddings, lines != embeddings.lines { text += Self.joined(embeddings.lines) }
    if let safety = checkpoint.shownSafety {
      text += "pickle: \(safety.summary.escapingControls)\n"
    }
    text += "\n"
    text +=
      foreign.map(partTable)?.text
      ?? (components.isEmpty ? elementTypeTable.text : componentTable.text)
    text += ledgerText
    for (form, count) in storedForms.counts {
      text += "\(Format.count(count)) weight\(count == 1 ? "" : "s"): \(form.title)\n"
    }
    let training = TrainingSummary(metadata: checkpoint.metadata)
    if !training.lines.isEmpty {
      text += "\nhow it was made\n"
      for line in training.lines {
        text += "  \(line.title): \(line.text.escapingControls)\n"
      }
    }
    let rest = checkpoint.metadata.members.filter { !training.usedKeys.contains($0.key) }
    if !rest.isEmpty {
      text += "\nmetadata\n"
      for member in rest {
        text += "  \(member.key.escapingControls): \(Self.short(member.value))\n"
      }
    }
    if !checkpoint.attachments.paths.isEmpty {
      text += "\nfiles carried along\n"
      text += checkpoint.attachments.paths.map { "  \($0.escapingControls)\n" }.joined()
    }
    if !checkpoint.opaqueValues.isEmpty {
      text += "\nclasses and functions that the pickle names (none was imported or called)\n"
      for value in checkpoint.opaqueValues {
        let use = value.isCalled ? "would be called" : "is referred to"
        text += "  \(value.qualifiedName.escapingControls) \(use), byte \(value.offset)\n"
      }
    }
    return text
  }

  private static func joined(_ lines: [String]) -> String {
    lines.map { $0.escapingControls + "\n" }.joined()
  }

  private var familyText: String {
    switch reading {
    case .success(let reading):
      let detection = reading.detection
      return "\(detection.family.title), \(detection.layout.rawValue) names "
        + "(\(detection.evidence.joined(separator: "; ").escapingControls))\n"
        + reading.predictionText
    case .failure(let error):
      return "family: \(error.description.escapingControls)\n"
    }
  }

  private var componentTable: Table {
    var table = Table([
      ("component", .left), ("tensors", .right), ("parameters", .right), ("size", .right),
      ("dtypes", .left), ("configuration", .left),
    ])
    for component in components {
      table.add([
        component.component.rawValue, Format.count(component.tensorCount),
        Format.count(component.parameterCount), Format.bytes(component.byteCount),
        component.elementTypes.map(\.elementType.name).joined(separator: ", "),
        component.configuration.summary,
      ])
    }
    return table
  }

  private func partTable(_ model: ForeignModel) -> Table {
    var table = Table([
      ("part", .left), ("tensors", .right), ("values", .right), ("size", .right),
      ("dtypes", .left), ("names start with", .left),
    ])
    for part in model.parts {
      let counts = CheckpointSummary.elementTypes(of: part.tensors)
      table.add([
        part.title, Format.count(part.tensors.count),
        Format.count(counts.reduce(0) { $0 + $1.elementCount }),
        Format.bytes(counts.reduce(0) { $0 + $1.byteCount }),
        counts.map(\.elementType.name).joined(separator: ", "),
        part.prefix.isEmpty ? "(bare)" : part.prefix,
      ])
    }
    return table
  }

  /// The account of the tensors, and the names of those that are a problem.
  private var ledgerText: String {
    guard case .success(let reading) = reading else { return "" }
    var text = "ledger: \(reading.ledger.summary)\n"
    let nearest = reading.nearestToUnexplained
    for name in reading.ledger.unexplained {
      text += "  unexplained \(name.escapingControls)"
      text += nearest[name].map { ", nearest expected \($0.escapingControls)" } ?? ""
      text += "\n"
    }
    for remark in reading.remarks { text += "  \(remark)\n" }
    for variant in reading.variants {
      text += "  \(variant.component.rawValue): \(variant.statement.escapingControls), names as "
      text += "diffusers has them\n"
    }
    if let problem = reading.firstGap { text += "  \(problem.description.escapingControls)\n" }
    for component in reading.absentComponents { text += "  no \(component.title)\n" }
    return text
  }

  /// What would become of every tensor under canonical names; empty for an unknown family.
  var ledgerTable: String {
    guard case .success(let reading) = reading else { return "" }
    var table = Table([("tensor", .left), ("shape", .left), ("becomes", .left)])
    for entry in reading.ledger.entries {
      table.add([entry.title, entry.source.shape.description, entry.outcome])
    }
    return "\n" + table.text
  }

  private var elementTypeTable: Table {
    var table = Table([("dtype", .left), ("tensors", .right), ("values", .right), ("size", .right)])
    for count in elementTypes {
      table.add([
        count.elementType.name, Format.count(count.tensorCount), Format.count(count.elementCount),
        Format.bytes(count.byteCount),
      ])
    }
    return table
  }

  /// A value on one line; long ones are cut.
  private static func short(_ value: JSON) -> String {
    let text = (value.stringValue ?? value.text()).escapingControls
    return text.count <= 120 ? text : text.prefix(117) + "..."
  }
}

extension LayoutReading {
  /// One line: what the network predicts and how that is known; none without a network.
  var predictionText: String {
    guard components.contains(.unet) else { return "" }
    let schedule =
      switch prediction.schedule {
      case .discrete: ""
      case .zeroTerminalSNR: ", zero terminal SNR"
      case .continuous: ", EDM's schedule"
      }
    return "prediction type: \(prediction.type.rawValue)\(schedule) (\(prediction.reason))\n"
  }
}

extension NotedConfiguration {
  /// How many fields are known in which way: `14 derived, 9 assumed`.
  var summary: String {
    [Origin.read, .derived, .assumed].compactMap { origin in
      let count = fields(origin).count
      return count == 0 ? nil : "\(count) \(origin.rawValue)"
    }.joined(separator: ", ")
  }
}
