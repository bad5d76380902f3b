internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// The text encoder's `position_ids`: absent, in another place, or with other numbers than 0, 1, 2
/// and so on. Merging averages them like weights.
struct PositionCheck: DoctorCheck {
  static let name = "position-ids"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) throws -> [Finding] {
    var findings: [Finding] = []
    for buffer in patient.reading?.positionBuffers ?? [] {
      findings += try examine(buffer, patient, &plan)
    }
    return findings
  }

  private func examine(
    _ buffer: PositionBuffer, _ patient: Patient, _ plan: inout RepairPlan
  ) throws -> [Finding] {
    var findings: [Finding] = []
    let found = patient.cleanNames.enumerated().compactMap { place, name in
      buffer.likeness(of: name).map { (place: place, likeness: $0) }
    }
    let misplaced = found.filter { $0.likeness == .misplaced }.map(\.place)
    if !misplaced.isEmpty {
      findings.append(
        Finding(
          Self.name, .warning,
          "position_ids stand below other modules than the embeddings of the "
            + buffer.component.title,
          tensors: misplaced.map { patient.tensors[$0].name },
          why: "strict readers refuse the name, and miss the right one",
          repair: "under \(buffer.description.name)"))
    }
    let inPlace = found.filter { $0.likeness != .misplaced }.map(\.place)
    let numbers = (0..<buffer.count).map(Double.init)
    guard let place = inPlace.first else {
      if let first = misplaced.first {
        plan.write(buffer.description, numbers, at: first, check: Self.name)
        for place in misplaced.dropFirst() { plan.drop(place, check: Self.name) }
      } else if buffer.isExpected, patient.checkpoint.format != .gguf {
        findings.append(
          Finding(
            Self.name, .warning, "the \(buffer.component.title) has no position_ids",
            why:
              "transformers before 4.31 refuses the text encoder, when it is strict; others make "
              + "them themselves",
            repair: "\(buffer.description.name) int64 \(buffer.description.shape), 0 to "
              + "\(buffer.count - 1)"))
        plan.write(buffer.description, numbers, check: Self.name)
      }
      return findings
    }
    for extra in misplaced + inPlace.dropFirst() { plan.drop(extra, check: Self.name) }
    if let fault = try fault(of: place, buffer, numbers, patient) {
      findings.append(
        Finding(
          Self.name, fault.isHarmful ? .error : .warning,
          "position_ids of the \(buffer.component.title) \(fault.text)",
          tensors: [patient.tensors[place].name],
          why: fault.isHarmful
            ? "readers cut them to whole numbers, so that words get the positions of others and "
              + "prompts lose effect"
            : "readers that compare types and shapes refuse them",
          repair: "int64 \(buffer.description.shape), 0 to \(buffer.count - 1)"))
      plan.write(buffer.description, numbers, at: place, check: Self.name)
    }
    return findings
  }

  /// What is wrong with a buffer in its place; `nil` when nothing is.
  private func fault(
    of place: Int, _ buffer: PositionBuffer, _ expected: [Double], _ patient: Patient
  ) throws -> (text: String, isHarmful: Bool)? {
    let tensor = patient.tensors[place]
    guard let found = try patient.numbers(at: place) else {
      return ("are \(tensor.elementType) \(tensor.shape)", true)
    }
    if found.count != expected.count {
      return ("are \(found.count), expected \(expected.count)", true)
    }
    if found != expected {
      let shown = found.prefix(4).map(Self.short).joined(separator: ", ")
      let isWhole = found.allSatisfy { $0.rounded() == $0 }
      let repeated = Set(found.map { $0.rounded(.towardZero) }).count < found.count
      let kind =
        isWhole ? "are not 0, 1, 2 …" : "are not whole" + (repeated ? " and, cut off, repeat" : "")
      // Cut to whole numbers, some still are what they should be.
      return (
        "\(kind): \(shown)\(found.count > 4 ? " …" : "")",
        found.map { $0.rounded(.towardZero) } != expected
      )
    }
    guard tensor.elementType == .int64, tensor.shape == buffer.description.shape else {
      return (
        "are \(tensor.elementType) \(tensor.shape), expected \(buffer.description.elementType) "
          + "\(buffer.description.shape)", false
      )
    }
    return nil
  }
  /// A number with three places.
  private static func short(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\((number * 1000).rounded() / 1000)"
  }
}
