internal import KeyLayouts
internal import TensorCore

/// Tensors that are understood although their layout calls them otherwise, or has them in another
/// shape.
struct SpellingCheck: DoctorCheck {
  static let name = "names"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) throws -> [Finding] {
    guard let reading = patient.reading else { return [] }
    var leveled: [String] = []
    var others: [String] = []
    for target in try reading.ledgerOfOwnNames().targets {
      let places = target.recipe.sources
      guard let place = places.first, !CarriedName.isCarried(target.description.name) else {
        continue
      }
      let (source, clean) = (patient.tensors[place], patient.cleanNames[place])
      var asItWas = source
      asItWas.name = clean
      guard target.recipe != .source(place) || target.description != asItWas else { continue }
      // A scale for a whole matrix that comes back as one a row says the same.
      if clean == target.description.name, case .joined = target.recipe { continue }
      if Self.hasLevel(target.description.name), !Self.hasLevel(clean) {
        leveled.append(source.name)
      } else {
        others.append(source.name)
      }
      plan.make(target.description, by: target.recipe, check: Self.name)
    }
    for (place, name) in Self.bareBuffers(reading, patient) {
      leveled.append(patient.tensors[place].name)
      plan.rename(place, to: name, check: Self.name)
    }
    let isLDM = reading.detection.layout == .ldm
    var findings: [Finding] = []
    if !leveled.isEmpty {
      findings.append(
        Finding(
          Self.name, isLDM ? .warning : .note,
          "\(counted(leveled.count, "tensor")) of a text encoder without the level `text_model` in the name",
          tensors: leveled,
          why: isLDM
            ? "strict readers refuse the text encoder, others draw with a random one"
            : "transformers writes them so from 5.6 on, and before reads them as missing",
          repair: "the names with it"))
    }
    if !others.isEmpty {
      findings.append(
        Finding(
          Self.name, isLDM ? .warning : .note,
          "\(counted(others.count, "tensor")) under an earlier or another layout's name, or in its shape",
          tensors: others, why: "readers that know one spelling miss them",
          repair: "the names and shapes of the layout"))
    }
    return findings
  }

  /// The buffers of positions that lack the level as all names do.
  private static func bareBuffers(
    _ reading: LayoutReading, _ patient: Patient
  ) -> [(place: Int, name: String)] {
    reading.positionBuffers.flatMap { buffer in
      patient.cleanNames.enumerated().filter { buffer.likeness(of: $1) == .withoutLevel }
        .map { (place: $0.offset, name: buffer.description.name) }
    }
  }

  private static func hasLevel(_ name: String) -> Bool {
    name.split(separator: ".").contains("text_model")
  }
}
