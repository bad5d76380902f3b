internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// Scales beside weights that nobody has multiplied in.
struct ScaleCheck: DoctorCheck {
  static let name = "float8-scales"

  func examine(_ patient: Patient, _ plan: inout RepairPlan) throws -> [Finding] {
    let forms = StoredForms(of: patient.tensors)
    let type = patient.settings.elementType ?? Self.commonType(patient.tensors, forms)
    plan.scaledType = type
    var float8: [Int] = []
    var unapplied: [Int] = []
    var applied: [Int] = []
    var trivial: [Int] = []
    var odd: [Int] = []
    var lost: [Int] = []
    for (weight, form) in forms.byWeight.sorted(by: { $0.key < $1.key }) where form == .scaled {
      guard let scale = forms.scales[weight] else { continue }
      if ScaleGrid(patient.tensors[scale], of: patient.tensors[weight]) == nil {
        odd.append(scale)
      } else if try patient.numbers(at: scale)?.allSatisfy(\.isFinite) == false {
        lost.append(scale)
      } else if patient.tensors[weight].elementType.isFloat8 {
        float8.append(weight)
      } else if try patient.numbers(at: scale)?.allSatisfy({ $0 == 1 }) == true {
        trivial.append(weight)
      } else if try holdsFloat8(weight, patient) {
        unapplied.append(weight)
      } else {
        applied.append(weight)
      }
    }
    for weight in float8 + unapplied { plan.applyScale(of: weight, check: Self.name) }
    for weight in applied + trivial {
      for companion in forms.companions(of: weight) { plan.drop(companion, check: Self.name) }
    }
    if !float8.isEmpty || !unapplied.isEmpty || !applied.isEmpty || !trivial.isEmpty, odd.isEmpty,
      lost.isEmpty
    {
      for marker in forms.markers { plan.drop(marker, check: Self.name) }
      let account = StoredForms.accountKey
      if patient.checkpoint.metadata[account] != nil { plan.set(account, nil) }
    }
    func names(_ places: [Int]) -> [String] { places.map { patient.tensors[$0].name } }
    return [
      float8.isEmpty
        ? nil
        : Finding(
          Self.name, .warning,
          "\(counted(float8.count, "float8 weight")) with scales beside them that a reader has to multiply in",
          tensors: names(float8),
          why: "diffusers and others do not know the scales and draw a white picture",
          repair: "the scales multiplied in, as \(type)"),
      unapplied.isEmpty
        ? nil
        : Finding(
          Self.name, .error,
          "\(counted(unapplied.count, "weight")) in 16 bits or more with float8's numbers: a cast left their "
            + "scales behind unused",
          tensors: names(unapplied), why: "the weights are too large by the scale: white pictures",
          repair: "the scales multiplied in, as \(type)"),
      applied.isEmpty
        ? nil
        : Finding(
          Self.name, .warning,
          "scales are left beside \(counted(applied.count, "weight")) that are no float8's any more",
          tensors: names(applied), why: "a reader that knows scales multiplies once more",
          repair: "the weights without them"),
      trivial.isEmpty
        ? nil
        : Finding(
          Self.name, .note,
          "scales of one beside \(counted(trivial.count, "weight")) that are not float8",
          tensors: names(trivial), why: "they say nothing, and strict readers do not expect them",
          repair: "the weights without them"),
      odd.isEmpty
        ? nil
        : Finding(
          Self.name, .error,
          "\(counted(odd.count, "scale")) of weights: neither one value nor one for each row or block",
          tensors: names(odd), why: "nobody can tell what they are to be multiplied with",
          advice: "take the model from its source again"),
      lost.isEmpty
        ? nil
        : Finding(
          Self.name, .error, "\(counted(lost.count, "scale")) of weights: NaN or infinite",
          tensors: names(lost), why: "multiplied in, they make all values of their weights so",
          advice: "take the model from its source again"),
    ].compactMap { $0 }
  }

  /// The type of most values that stand for themselves.
  private static func commonType(_ tensors: [TensorDescription], _ forms: StoredForms)
    -> ElementType
  {
    var counts: [ElementType: Int] = [:]
    for (place, tensor) in tensors.enumerated()
    where tensor.elementType.isPlainFloat && forms.byWeight[place] == nil
      && !forms.companions.contains(place)
    {
      counts[tensor.elementType, default: 0] += tensor.shape.elementCount
    }
    return counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key ?? .float16
  }

  /// Whether the first values of a weight all are float8's. A weight that was multiplied has others.
  private func holdsFloat8(_ place: Int, _ patient: Patient) throws -> Bool {
    let view = try patient.source.tensor(at: place)
    let count = min(view.shape.elementCount, 4096)
    guard count > 0, view.elementType.blockElements == 1 else { return false }
    let start = view.byteRange.lowerBound
    let range = start..<start + view.elementType.byteCount(of: count)
    let values = view.storage.withBytes(in: range) { view.elementType.numbers(in: $0) } ?? []
    return Self.tables.contains { table in values.allSatisfy { table.contains($0) } }
  }

  /// Every value of the float8 types.
  private static let tables: [Set<Double>] = [ElementType.float8E4M3FN, .float8E5M2].map { type in
    let bytes = (0...255).map { UInt8($0) }
    return Set(bytes.withUnsafeBytes { type.numbers(in: $0.bytes) } ?? [])
  }
}

extension ElementType {
  /// Whether the type is a float of one byte.
  fileprivate var isFloat8: Bool { isDecodable && !isPlainFloat && !isGGMLBlock }
}
