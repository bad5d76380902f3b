internal import Checkpoints
internal import TensorCore

/// Tensors of a pickle that share bytes or do not lie in order.
struct StorageCheck: DoctorCheck {
  static let name = "storage"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    guard let reader = patient.checkpoint.source as? PyTorchReader else { return [] }
    var findings: [Finding] = []
    let why = "safetensors and the readers that insist on it refuse such tensors"
    let strided = reader.stridedTensors
    if !strided.isEmpty {
      findings.append(
        Finding(
          Self.name, .warning,
          "\(counted(strided.count, "tensor")) whose elements do not lie in order (a view of another one)",
          tensors: strided.map { reader.tensors[$0].name }, why: why,
          repair: "every tensor in order, in bytes of its own"))
    }
    let shared = reader.sharedTensors
    if let first = shared.first {
      let names = first.prefix(3).map { "'\(reader.tensors[$0].name)'" }.joined(separator: ", ")
      findings.append(
        Finding(
          Self.name, .warning,
          "\(counted(shared.joined().count, "tensor")) that share bytes with others (tied), among them "
            + names, tensors: shared.joined().map { reader.tensors[$0].name }, why: why,
          repair: "every tensor in order, in bytes of its own"))
    }
    return findings
  }
}
