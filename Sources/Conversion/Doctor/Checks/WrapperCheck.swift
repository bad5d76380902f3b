internal import KeyLayouts
internal import TensorCore

/// Names with the levels of a compiler or wrapper in them, or with a component's prefix twice.
struct WrapperCheck: DoctorCheck {
  static let name = "prefixes"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    var wrapped: [String] = []
    var doubled: [String] = []
    let isUnique = Set(patient.cleanNames).count == patient.cleanNames.count
    for (place, tensor) in patient.tensors.enumerated() {
      let clean = patient.cleanNames[place]
      guard clean != tensor.name else { continue }
      let levels = tensor.name.split(separator: ".")
      if levels.contains("_orig_mod") || levels.contains("module") {
        wrapped.append(tensor.name)
      } else {
        doubled.append(tensor.name)
      }
      // Where two tensors would have one name, which is right is not for us to say.
      if isUnique { plan.rename(place, to: clean, check: Self.name) }
    }
    let repair = isUnique ? "the names without it" : nil
    let advice = isUnique ? nil : "two tensors would have one name: leave one out with --exclude"
    var findings: [Finding] = []
    if !wrapped.isEmpty {
      findings.append(
        Finding(
          Self.name, .warning,
          "\(counted(wrapped.count, "tensor")) with a level of torch.compile (`_orig_mod`) or DataParallel "
            + "(`module`) in the name",
          tensors: wrapped, why: "readers look the names up and find nothing", repair: repair,
          advice: advice))
    }
    if !doubled.isEmpty {
      findings.append(
        Finding(
          Self.name, .warning,
          "\(counted(doubled.count, "tensor")) with a component's prefix twice in the name",
          tensors: doubled, why: "readers look the names up and find nothing", repair: repair,
          advice: advice))
    }
    return findings
  }
}
