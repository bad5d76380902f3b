internal import Checkpoints
internal import TensorCore

extension IngotVerification {
  /// One line a damaged part, then the verdict.
  func text(path: String, tensors: Int, bytes: Int) -> String {
    let lines = damages.map { "DAMAGED  \($0.escapingControls)\n" }.joined()
    let totals = "\(Format.count(tensors)) tensors, \(Format.bytes(bytes))"
    return lines + "\(path.escapingControls): \(isIntact ? "intact" : "damaged"), \(totals)\n"
  }

  /// The outcome for machines.
  func json(path: String) -> JSON {
    [
      "path": .string(path), "intact": .bool(isIntact),
      "damaged_tensors": .array(damagedTensors.map(JSON.string)),
      "damaged_attachments": .array(damagedAttachments.map(JSON.string)),
      "damaged_sections": .array(damagedSections.map { .string("\($0)") }),
      "damaged_gaps": .array(damagedGaps.map(JSON.integer)),
      "fingerprint_right": .bool(isFingerprintRight),
    ]
  }

  private var damages: [String] {
    damagedTensors.map { "tensor '\($0)'" } + damagedAttachments.map { "attachment '\($0)'" }
      + damagedSections.map { "section \($0)" }
      + damagedGaps.map { "padding at byte \($0)" }
      + (isFingerprintRight ? [] : ["weights fingerprint"])
  }
}
