internal import Checkpoints
internal import Conversion
internal import KeyLayouts
internal import TensorCore

extension Diagnosis {
  /// The findings for people, and where asked for every change.
  func text(withChanges: Bool) -> String {
    let checkpoint = model.checkpoint
    let count = checkpoint.source.tensors.count
    let family =
      (try? model.reading.get()).map {
        "\($0.detection.family.title) in \($0.detection.layout.rawValue) names"
      } ?? model.recognisedTitle
    var text = "\(checkpoint.path.escapingControls): \(checkpoint.format.rawValue), "
    text += "\(family ?? "unknown family"), \(Format.count(count)) tensor\(count == 1 ? "" : "s")\n"
    for finding in findings { text += "\n" + finding.text }
    if withChanges { text += changesText }
    return text + "\n" + verdict
  }

  /// `3 findings, 2 of them can be repaired` or `healthy`.
  private var verdict: String {
    let notes = findings.count { $0.severity == .note }
    let others = findings.count - notes
    let noteText = notes == 0 ? "" : "\(notes) note\(notes == 1 ? "" : "s")"
    guard others > 0 else { return "healthy" + (notes == 0 ? "" : ", \(noteText)") + "\n" }
    let repairable = findings.count { $0.severity != .note && $0.repair != nil }
    return "\(others) finding\(others == 1 ? "" : "s"), \(repairable) repairable"
      + (notes == 0 ? "" : ", \(noteText)") + "\n"
  }

  private var changesText: String {
    guard !changes.isEmpty || !metadataChanges.isEmpty else { return "\nnothing to change\n" }
    var table = Table([
      ("check", .left), ("tensor", .left), ("dtype", .left), ("shape", .left), ("", .left),
      ("tensor", .left), ("dtype", .left), ("shape", .left),
    ])
    for change in changes {
      table.add(
        [change.check] + Self.cells(change.old, "(added)") + ["→"]
          + Self.cells(change.new, "(left out)"))
    }
    for (key, value) in metadataChanges {
      let old = model.checkpoint.metadata[key].map { $0.stringValue ?? $0.text() } ?? "(none)"
      table.add(
        ["metadata", "\(key): \(old)", "", "", "→"]
          + [value.map { $0.stringValue ?? $0.text() } ?? "(left out)", "", ""])
    }
    return "\n" + table.text
  }

  private static func cells(_ tensor: TensorDescription?, _ absent: String) -> [String] {
    tensor.map { [$0.name, $0.elementType.name, $0.shape.description] } ?? [absent, "", ""]
  }
}

extension Finding {
  /// The finding in a few lines.
  fileprivate var text: String {
    var text = "\(severity.rawValue)  \(check): \(what.escapingControls)\n"
    if let first = tensors.first, !what.contains("'\(first)'") {
      text += "  first   '\(first.escapingControls)'\n"
    }
    text += "  why     \(why)\n"
    if let repair { text += "  repair  \(repair.escapingControls)\n" }
    if let advice { text += "  advice  \(advice)\n" }
    return text
  }
}

extension RepairOutcome {
  /// What was written, and what is still wrong.
  var text: String {
    var text = "\(report.output.escapingControls): \(report.container.rawValue), "
    text += "\(Format.count(changed)) tensor\(changed == 1 ? "" : "s") changed, "
    text += "\(Format.bytes(report.byteCount)) of tensors\n"
    let left = remaining.filter { $0.severity != .note }
    text += left.isEmpty ? "healthy now\n" : "still wrong:\n"
    for finding in left { text += "  \(finding.check): \(finding.what.escapingControls)\n" }
    return text
  }
}
