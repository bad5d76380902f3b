internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// A textual inversion, in which there is nothing that a check could be about.
struct EmbeddingCheck: DoctorCheck {
  static let name = "embedding"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    guard patient.reading == nil,
      let file = EmbeddingFile(
        of: patient.tensors, metadata: patient.checkpoint.portableMetadata), file.isCertain
    else { return [] }
    return [
      Finding(
        Self.name, .note,
        "a textual inversion, in the \(file.form.title): there is nothing to examine",
        tensors: patient.tensors.map(\.name),
        why: "the checks are about models and LoRAs; --deep looks for values that are no numbers",
        advice: "inspect shows its vectors and the text encoder that they fit")
    ]
  }
}
