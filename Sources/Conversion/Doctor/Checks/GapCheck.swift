internal import KeyLayouts
internal import TensorCore

/// What a model lacks, and what has no place in it.
struct GapCheck: DoctorCheck {
  static let name = "missing"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) -> [Finding] {
    if let error = patient.readingError {
      guard !error.isAboutFamily else { return [] }
      // Two names that are one without their wrappers are told of as such.
      if case .duplicateTarget = error.problem,
        Set(patient.cleanNames).count < patient.cleanNames.count
      {
        return []
      }
      return [
        Finding(
          Self.name, .error, LayoutError(error.problem).description,
          why: "as it is, nobody can tell the model's parts or their sizes",
          advice: "nothing here can make up for it: take the model from its source again")
      ]
    }
    guard let reading = patient.reading else { return [] }
    let hasAverages = patient.cleanNames.contains { Average($0)?.weight != nil }
    return missing(reading) + misshapen(reading)
      + absent(reading, hasAverages: hasAverages) + unexplained(reading)
  }

  private func missing(_ reading: LayoutReading) -> [Finding] {
    let nearest = reading.nearestToUnexplained
    return reading.missingTensors.compactMap { component, tensors in
      guard let first = tensors.first else { return nil }
      let all = reading.expectedCount(of: component)
      let isHalf = tensors.count * 4 >= all
      let likely = nearest.first { $0.value == first.name }?.key
      return Finding(
        Self.name, .error,
        "the \(component.title) lacks \(counted(tensors.count, "tensor")) of \(all)"
          + (isHalf ? ", a good part of it" : "") + ", first '\(first.name)' \(first.shape)"
          + (likely.map { "; nearest that is there: '\($0)'" } ?? ""),
        tensors: tensors.map(\.name),
        why: "readers refuse the model or leave random numbers in their place",
        advice: likely == nil
          ? "weights cannot be made up: take the model from its source again"
          : "if only the name is wrong, convert --rename gives it another")
    }
  }

  private func misshapen(_ reading: LayoutReading) -> [Finding] {
    let misfits = reading.misshapenTensors
    guard let (found, expected) = misfits.first else { return [] }
    return [
      Finding(
        Self.name, .error,
        "\(counted(misfits.count, "tensor")) of another shape than the rest of the model asks for, first "
          + "'\(found.name)' \(found.shape), expected \(expected)",
        tensors: misfits.map(\.found.name), why: "readers refuse the model",
        advice: "parts of two models, or a damaged one: take the model from its source again")
    ]
  }

  /// A lone component is a file of its own; two are a model that lacks the third.
  ///
  /// - Parameter hasAverages: whether there are averages of a U-Net.
  private func absent(_ reading: LayoutReading, hasAverages: Bool) -> [Finding] {
    guard reading.components.count > 1 else { return [] }
    let needsNothing = reading.components.contains(.controlNet)
    return needsNothing
      ? []
      : reading.absentComponents.map { component in
        Finding(
          Self.name, .warning, "there is no \(component.title)",
          why: "a reader needs another file beside this one",
          advice: component == .vae
            ? "convert --vae FILE puts one in"
            : component == .unet && hasAverages
              ? "convert --ema only makes one of its averages"
              : "take it from the model that this one was made of")
      }
  }

  private func unexplained(_ reading: LayoutReading) -> [Finding] {
    let names = reading.ledger.unexplained
    guard let first = names.first else { return [] }
    let nearest = reading.nearestToUnexplained[first]
    return [
      Finding(
        "unexplained", .note,
        "\(counted(names.count, "tensor")) without a place in a \(reading.detection.family.title) model, "
          + "first '\(first)'" + (nearest.map { "; nearest that has one: '\($0)'" } ?? ""),
        tensors: names, why: "other layouts and containers of components leave them behind",
        advice: "convert --exclude leaves them out, --rename gives them other names")
    ]
  }
}
