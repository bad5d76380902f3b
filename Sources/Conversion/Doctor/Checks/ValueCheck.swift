internal import Checkpoints
internal import TensorCore

/// Weights that are NaN or infinite. Reads every weight.
struct ValueCheck: DoctorCheck {
  static let name = "values"

  let progress: @Sendable (_ done: Int, _ total: Int) throws -> Void

  func examine(_ patient: Patient, _ plan: inout RepairPlan) throws -> [Finding] {
    guard patient.settings.isDeep else { return [] }
    let total = patient.source.byteCount
    var (done, values) = (0, 0)
    var names: [String] = []
    for (place, tensor) in patient.tensors.enumerated() {
      let view = try patient.source.tensor(at: place)
      var count = 0
      view.forEachChunk { count += tensor.elementType.nonFiniteCount(in: $0) }
      // Read once: the mapping need not stay in memory.
      view.storage.advise(.dontNeed, range: view.byteRange)
      if count > 0 {
        names.append(tensor.name)
        values += count
      }
      done += view.byteRange.count
      try progress(done, total)
    }
    guard !names.isEmpty else { return [] }
    return [
      Finding(
        Self.name, .error,
        "\(counted(values, "NaN or infinite value")) in \(counted(names.count, "tensor"))",
        tensors: names, why: "one of them makes whole pictures black",
        advice: "nothing tells the values that were lost: take the model from its source again")
    ]
  }
}
