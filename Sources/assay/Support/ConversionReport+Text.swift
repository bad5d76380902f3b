internal import Checkpoints
internal import Conversion
internal import KeyLayouts
internal import TensorCore

extension ConversionReport {
  /// Two lines: what was written, and the ledger.
  var text: String {
    let names = layout.map { ", \($0.rawValue) names" } ?? ", names as they were"
    let family =
      detection.map { "\($0.family.title) in \($0.layout.rawValue) names" } ?? recognised
    return """
      \(source.escapingControls): \(sourceFormat.rawValue), \(family ?? "unknown family")
      \(output.escapingControls): \(container.rawValue)\(names), \(Format.bytes(byteCount)) of tensors\(shardText)
      ledger: \(ledger.summary)

      """ + predictionText + certificateText + keptText + safetyText + opaqueText
  }

  private var predictionText: String {
    guard let prediction else { return "" }
    let added = markers.isEmpty ? "" : "; marked by \(markers.joined(separator: " and "))"
    return "prediction type: \(prediction.type.rawValue) (\(prediction.reason)\(added))\n"
  }

  private var certificateText: String {
    guard let certificate else { return "" }
    let exceptions = certificate.exceptions.prefix(20).map {
      "  \($0.tensor.escapingControls): \($0.difference)\n"
    }
    let more = certificate.exceptions.count - exceptions.count
    return "certificate: \(certificate.statement)\n" + exceptions.joined()
      + (more > 0 ? "  and \(more) more\n" : "")
  }

  private var safetyText: String {
    safety.map { "pickle: \($0.summary.escapingControls)\n" } ?? ""
  }

  private var shardText: String {
    guard let index = files.last else { return "" }
    let name = index.split(separator: "/").last.map { String($0) } ?? index
    return " in \(files.count - 1) files with the index \(name.escapingControls)"
  }

  private var keptText: String {
    guard let first = kept.first else { return "" }
    return
      "kept in their own type: \(Format.count(kept.count)) tensor\(kept.count == 1 ? "" : "s") "
      + "without whole blocks in rows of a matrix, first '\(first.escapingControls)'\n"
  }

  private var opaqueText: String {
    guard let first = opaqueValues.first else { return "" }
    let count = opaqueValues.count
    return
      "not plain data, neither run nor kept: \(count) class\(count == 1 ? "" : "es") or function"
      + "\(count == 1 ? "" : "s") that the pickle names, first "
      + "\(first.qualifiedName.escapingControls)\n"
  }

  /// What a user should know although the conversion went well.
  var warnings: [String] {
    var warnings: [String] = []
    if let dangers = safety?.dangers, !dangers.isEmpty {
      let more = dangers.count > 5 ? " and \(dangers.count - 5) more" : ""
      warnings.append(
        "\(source): dangerous, neither run nor kept: "
          + dangers.prefix(5).joined(separator: ", ") + more)
    }
    if let first = unreadTensors.members.first, let reason = first.value.stringValue {
      let count = unreadTensors.count
      warnings.append(
        "\(source): \(count) tensor\(count == 1 ? "" : "s") could not be read, first "
          + "'\(first.key)': \(reason)")
    }
    if let first = ledger.unexplained.first {
      let count = ledger.unexplained.count
      let before = ledger.entries.first { $0.source.name == first }?.nameBefore
      warnings.append(
        "\(source): \(count) unexplained tensor\(count == 1 ? " was" : "s were") left behind, "
          + "first '\(first)'" + (before.map { ", '\($0)' in the file" } ?? "")
          + (nearest[first].map { "; the nearest expected name is '\($0)'" } ?? ""))
    }
    if let first = keptUnexplained.first {
      let count = keptUnexplained.count
      warnings.append(
        "\(source): \(count) unexplained tensor\(count == 1 ? " goes" : "s go") along, "
          + "first '\(first)'"
          + (nearest[first].map { "; the nearest expected name is '\($0)'" } ?? ""))
    }
    if let prediction, let unread = prediction.unread {
      warnings.append(
        "\(source): \(unread) is not understood, the U-Net is taken to predict "
          + "\(prediction.type.rawValue); --prediction-type settles it")
    } else if let prediction, prediction.origin == .assumed,
      detection?.family == .stableDiffusion2
    {
      warnings.append(
        "\(source): nothing says what the U-Net predicts, taken for \(prediction.type.rawValue); "
          + "--prediction-type settles it")
    }
    if let first = overflows.first {
      let (count, values) = (overflows.count, overflows.reduce(0) { $0 + $1.count })
      warnings.append(
        "\(source): \(values) value\(values == 1 ? "" : "s") beyond the range of "
          + "\(first.elementType) became infinite, in \(count) tensor\(count == 1 ? "" : "s"), "
          + "first '\(first.tensor)'")
    }
    warnings += OptionWarnings(source: source, output: output, container: container)
      .idle(idleRenames)
    if let first = leftovers.first {
      warnings.append(
        "\(first): left from before"
          + (leftovers.count > 1 ? ", as \(leftovers.count - 1) more" : "")
          + "; a reader could take it for a part of \(output)")
    }
    let scaled = StoredForms(of: ledger.targets.map(\.description)).byWeight.count {
      $0.value == .scaled
    }
    if scaled > 0, container.contents == .components {
      warnings.append(
        "\(output): \(scaled) float8 weight\(scaled == 1 ? "" : "s") with scales beside them, which "
          + "diffusers does not read: --dtype f16 multiplies them in")
    }
    return warnings + remarks.map { "\(source): \($0)" } + metadataWarnings
  }

  /// What became of what stands beside the tensors.
  private var metadataWarnings: [String] {
    var warnings: [String] = []
    warnings += OptionWarnings(source: source, output: output, container: container)
      .renamed(renamedMetadata)
    if let first = unsaidFields.first {
      let more = unsaidFields.count > 5 ? " and \(unsaidFields.count - 5) more" : ""
      let fields = unsaidFields.prefix(5).joined(separator: ", ")
      warnings.append(
        "\(output): tensors do not show \(unsaidFields.count == 1 ? first : fields + more); the "
          + "metadata do, other programs have to be told")
    }
    if !droppedMetadata.isEmpty {
      warnings.append(
        "\(output): \(container.rawValue) has no place for metadata, left behind: "
          + droppedMetadata.joined(separator: ", "))
    }
    return warnings
  }

  /// The outcome for machines, with the fate of every tensor.
  var json: JSON {
    var ledger = ledger.json
    ledger["nearest"] = .object(
      JSONObject(nearest.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    return [
      "source": [
        "path": .string(source), "format": .string(sourceFormat.rawValue),
        "family": detection.map { .string($0.family.rawValue) } ?? .null,
        "layout": detection.map { .string($0.layout.rawValue) } ?? .null,
        "recognised": recognised.map { .string($0) } ?? .null,
      ],
      "output": [
        "path": .string(output), "format": .string(container.rawValue),
        "layout": layout.map { .string($0.rawValue) } ?? .null, "tensor_bytes": .integer(byteCount),
        "files": .array(files.map { .string($0) }),
      ],
      "ledger": .object(ledger),
      "tensors": .array(self.ledger.entries.map(\.json)),
      "overflows": .array(overflows.map(\.json)),
      "prediction": prediction.map { .object($0.json) } ?? .null,
      "certificate": certificate?.json ?? .null,
      "kept": .array(kept.map { .string($0) }),
      "renamed_metadata": .object(
        JSONObject(renamedMetadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
      "unsaid_fields": .array(unsaidFields.map(JSON.string)),
      "kept_unexplained": .array(keptUnexplained.map(JSON.string)),
      "remarks": .array(remarks.map(JSON.string)),
      "unread_tensors": .object(unreadTensors),
      "opaque_values": .array(opaqueValues.map { .string($0.qualifiedName) }),
      "safety": safety.map { .object($0.json) } ?? .null,
    ]
  }
}
