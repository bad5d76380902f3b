internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// Modules of a LoRA that do not say how strong they are, and those that lack a half.
struct AdapterCheck: DoctorCheck {
  static let name = "lora-alpha"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    guard patient.reading == nil, let file = try? AdapterFile(of: patient.tensors) else {
      return []
    }
    return halves(of: file) + strengths(of: file, patient, &plan)
  }

  /// One matrix of two changes nothing.
  private func halves(of file: AdapterFile) -> [Finding] {
    let halves = file.halves
    guard let first = halves.first else { return [] }
    return [
      Finding(
        "lora-halves", .error,
        "\(counted(halves.count, "tensor")) of modules that lack their other half, first "
          + "'\(file.tensors[first.index].name)': \(first.reason)",
        tensors: halves.map { file.tensors[$0.index].name },
        why: "such a module changes nothing, and some readers refuse the file",
        advice: "weights cannot be made up: take the LoRA from its source again")
    ]
  }

  private func strengths(
    of file: AdapterFile, _ patient: Patient, _ plan: inout RepairPlan
  ) -> [Finding] {
    guard file.isCertain else { return [] }
    var names: [String] = []
    let stated = Stated(patient.checkpoint.metadata)
    var isStated = false
    for module in file.modules where module.alpha == nil && module.naming == .kohya {
      guard let rank = module.rank, let place = module.parts.values.min() else { continue }
      let tensor = patient.tensors[place]
      guard let stem = AdapterKey(patient.cleanNames[place])?.stem else { continue }
      names.append(tensor.name)
      let known = stated.alpha(ofRank: rank, isKernel: module.isKernel(in: file))
      isStated = isStated || known != nil
      let alpha = known ?? Double(rank)
      let type = tensor.elementType
      plan.write(
        TensorDescription(
          name: stem + ".alpha",
          elementType: type.isPlainFloat && type.holds(alpha) ? type : .float32,
          shape: []),
        [alpha], check: Self.name)
    }
    guard !names.isEmpty else { return [] }
    return [
      Finding(
        Self.name, .warning,
        "\(names.count) of \(file.modules.count) modules have no alpha, the numerator of their "
          + "strength",
        tensors: names,
        why:
          "most readers take the rank for it, some take 1: the same file is of different strength",
        repair: isStated
          ? "alpha as the trainer's metadata state it (ss_network_alpha)"
          : "alpha equal to the rank, as diffusers and ComfyUI take it")
    ]
  }

  /// What kohya's trainer writes into the metadata: of all modules, and among the network's arguments
  /// of kernels of more than one place.
  private struct Stated {
    private let alpha: Double?
    private let rank: Double?
    private let kernelAlpha: Double?
    private let kernelRank: Double?

    init(_ metadata: JSONObject) {
      let arguments = metadata["ss_network_args"]?.unquoted.objectValue ?? [:]
      func number(_ key: String, in fields: JSONObject) -> Double? {
        fields[key].flatMap { $0.doubleValue ?? $0.stringValue.flatMap(Double.init) }
          .flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
      }
      alpha = number("ss_network_alpha", in: metadata)
      rank = number("ss_network_dim", in: metadata)
      kernelAlpha = number("conv_alpha", in: arguments)
      kernelRank = number("conv_dim", in: arguments)
    }

    /// What it says of modules of a rank; of those of other ranks it says nothing.
    func alpha(ofRank rank: Int, isKernel: Bool) -> Double? {
      if isKernel, let kernelRank { return kernelRank == Double(rank) ? kernelAlpha : nil }
      return self.rank == Double(rank) ? alpha : nil
    }
  }
}

extension ElementType {
  /// Whether a number is one of the type's.
  fileprivate func holds(_ number: Double) -> Bool {
    let bytes = bytes(of: [number])
    return numbers(in: bytes.span.bytes) == [number]
  }
}
