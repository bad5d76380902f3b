internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// What the U-Net predicts: said twice and differently, said where a reader does not look, or not
/// said at all.
struct PredictionCheck: DoctorCheck {
  static let name = "prediction-type"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    guard let reading = patient.reading, reading.components.contains(.unet) else { return [] }
    let statements = Self.statements(of: patient, reading.detection.family)
    let asked = patient.settings.prediction
    if let asked { settle(asked, patient, statements, &plan) }
    let isPlain = ConcatenatedCondition(unet: reading.noted["unet"]?.fields) == .nothing
    guard let first = statements.first else {
      let findings = isPlain ? unsettled(reading.detection.family, patient) : []
      return findings + (asked == nil ? groundless(reading.prediction, patient) : [])
    }
    if statements.contains(where: { $0.type != (asked ?? first.type) }) {
      return [contradiction(statements, asked)]
    }
    return lostMarker(first, statements, reading.detection.family, patient, &plan)
      + groundless(first, patient)
  }

  /// Everything that says what is predicted, the strongest first. The count of training steps counts
  /// only where nothing else does.
  private static func statements(of patient: Patient, _ family: Family) -> [Prediction] {
    let metadata = patient.checkpoint.portableMetadata
    let stated = patient.checkpoint.configurations["scheduler"].flatMap {
      Prediction(scheduler: $0, metadata: metadata)
    }
    let found =
      [stated].compactMap { $0 }.filter { $0.origin != .assumed }
      + Prediction.statements(in: patient.tensors, metadata: metadata, family: family)
    let sure = found.filter { $0.origin != .metadata("global_step") }
    return sure.isEmpty ? found : sure
  }

  private func contradiction(_ statements: [Prediction], _ asked: PredictionType?) -> Finding {
    let isContinuous = statements.contains { $0.schedule == .continuous }
    let text = statements.map { "\($0.type.rawValue) \($0.reason)" }.joined(separator: ", ")
    return Finding(
      Self.name, .error,
      asked.map { "the model says \(text), \($0.rawValue) is asked for" }
        ?? "two statements contradict each other: \(text)",
      why: "readers believe one or the other; with the wrong one pictures are noise",
      repair: isContinuous ? nil : asked.map { "\($0.rawValue) everywhere" },
      advice: isContinuous
        ? "EDM's schedule goes with what its markers say: take them out with convert --exclude"
        : asked == nil ? "--prediction-type says which one is right" : nil)
  }

  private func unsettled(_ family: Family, _ patient: Patient) -> [Finding] {
    let asked = patient.settings.prediction
    guard family != .stableDiffusion1, family != .stableDiffusionXLRefiner else { return [] }
    let isOpen = family == .stableDiffusion2
    return [
      Finding(
        Self.name, isOpen ? .warning : .note,
        "nothing says whether the U-Net predicts noise or velocities",
        why: isOpen
          ? "Stable Diffusion 2.x has models of both kinds; with the wrong one pictures are noise"
          : "readers take noise; a fine-tune that predicts velocities would draw nothing but noise",
        repair: asked.map { "\($0.rawValue), as asked for" },
        advice: asked == nil ? "--prediction-type epsilon or v says it" : nil)
    ]
  }

  /// SDXL's readers look for the tensor `v_pred`.
  private func lostMarker(
    _ first: Prediction, _ statements: [Prediction], _ family: Family, _ patient: Patient,
    _ plan: inout RepairPlan
  ) -> [Finding] {
    let hasMarker = statements.contains { if case .marker = $0.origin { true } else { false } }
    guard first.type == .velocity, !hasMarker, first.origin != .metadata("global_step"),
      Self.takesMarkers(patient)
    else { return [] }
    let isXL = family == .stableDiffusionXL
    let hasZeroSignal = first.schedule == .zeroTerminalSNR
    writeMarkers(hasZeroSignal ? ["v_pred", "ztsnr"] : ["v_pred"], patient, &plan)
    return [
      Finding(
        Self.name, isXL ? .warning : .note,
        "predicts velocities \(first.reason), but has no marker tensor `v_pred`",
        why: "the usual interfaces look for the tensor and not for the metadata, and draw noise",
        repair: "a tensor `v_pred` f32 [0]"
          + (hasZeroSignal ? " and `ztsnr` f32 [0]" : ""))
    ]
  }

  /// Noise cannot be predicted where there is nothing else.
  private func groundless(_ first: Prediction, _ patient: Patient) -> [Finding] {
    guard first.schedule == .zeroTerminalSNR, first.type == .epsilon else { return [] }
    return [
      Finding(
        Self.name, .warning,
        "the schedule ends without signal, but the U-Net predicts noise \(first.reason)",
        why: "on the last step there is nothing but noise, from which no picture follows",
        advice: "--prediction-type v, if the model was trained so")
    ]
  }

  /// Whether markers have a place: in a single file under the original names.
  private static func takesMarkers(_ patient: Patient) -> Bool {
    patient.isBareFile && patient.reading?.detection.layout == .ldm
  }

  private func writeMarkers(_ names: [String], _ patient: Patient, _ plan: inout RepairPlan) {
    for name in names where !patient.cleanNames.contains(name) {
      plan.write(
        TensorDescription(name: name, elementType: .float32, shape: [0]), [], check: Self.name)
    }
  }

  /// Makes every statement say what the user says.
  private func settle(
    _ asked: PredictionType, _ patient: Patient, _ statements: [Prediction],
    _ plan: inout RepairPlan
  ) {
    let isSaid = !statements.isEmpty && statements.allSatisfy { $0.type == asked }
    guard !isSaid, patient.isBareFile, !statements.contains(where: { $0.schedule == .continuous })
    else { return }
    if asked == .velocity, Self.takesMarkers(patient) {
      writeMarkers(["v_pred"], patient, &plan)
    } else if asked != .velocity {
      for place in patient.tensors.indices
      where ["v_pred", "ztsnr"].contains(
        patient.cleanNames[place].split(separator: ".").last.map(String.init) ?? "")
      {
        plan.drop(place, check: Self.name)
      }
    }
    plan.set("modelspec.prediction_type", .string(asked.modelspecName))
    var values = patient.checkpoint.portableMetadata["values"]?.objectValue
    if var parameters = values?["hyper_parameters"]?.objectValue,
      parameters["parameterization"] != nil
    {
      let name =
        switch asked {
        case .velocity: "v"
        case .epsilon: "eps"
        case .sample: "x0"
        }
      parameters["parameterization"] = .string(name)
      values?["hyper_parameters"] = .object(parameters)
      plan.set("values", values.map(JSON.object))
    }
  }
}
