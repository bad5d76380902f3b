internal import KeyLayouts
internal import TensorCore

/// Averaged weights that no reader draws with.
struct AverageCheck: DoctorCheck {
  static let name = "ema"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    let places = patient.cleanNames.indices.filter {
      Average(patient.cleanNames[$0]) != nil && patient.tensors[$0].shape.elementCount > 1
    }
    guard !places.isEmpty else { return [] }
    let bytes = places.map { patient.tensors[$0] }.byteCount
    return [
      Finding(
        Self.name, .note,
        "averaged weights (EMA) that nothing uses, "
          + (bytes < 1_000_000 ? "\(bytes) bytes" : "\(bytes / 1_000_000) MB"),
        tensors: places.map { patient.tensors[$0].name },
        why: "they double the size; which of the two sets draws better is the trainer's to know",
        advice: "convert --ema drop leaves them out, --ema only draws with them")
    ]
  }
}
