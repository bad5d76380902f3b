public import TensorCore

/// How a weight is stored when its numbers do not stand for themselves.
public enum StoredForm: String, Sendable, Hashable, CaseIterable {
  /// Numbers of a floating type with scales beside them: one for all, or one a row or block.
  case scaled
  /// Float8 with a power of two for every 32 values (OCP Microscaling).
  case mxfp8
  /// Packed 4-bit floats with a power of two for every 32 values (OCP Microscaling).
  case mxfp4
  /// Packed 4-bit floats with a float8 for every 16 values and one float for all (NVIDIA).
  case nvfp4
  /// Packed 4-bit indices into a table, with bitsandbytes' tables beside them.
  case bitsandbytes4
  /// Integers with scales beside them.
  case integers

  /// The name for people.
  public var title: String {
    switch self {
    case .scaled: "float8 with scales"
    case .mxfp8: "MXFP8, float8 with a scale for every 32 values"
    case .mxfp4: "MXFP4, packed 4-bit with a scale for every 32 values"
    case .nvfp4: "NVFP4, packed 4-bit with a scale for every 16 values"
    case .bitsandbytes4: "bitsandbytes' packed 4-bit"
    case .integers: "integers with scales"
    }
  }

  /// Whether the scales can be multiplied in here.
  public var isMultipliable: Bool { self == .scaled }

  /// Tells the form of a weight from its type and its companions' ; `nil` for a plain weight.
  init?(
    of weight: TensorDescription, _ companions: [WeightCompanions.Companion],
    in tensors: [TensorDescription]
  ) {
    if companions.contains(where: { $0.role == .table }) {
      self = .bitsandbytes4
      return
    }
    guard let scale = companions.first(where: { $0.role == .scale }) else { return nil }
    let isPacked = [.uint8, .int8, .float4E2M1].contains(weight.elementType)
    switch tensors[scale.index].elementType {
    case .float8E8M0FNU where isPacked: self = .mxfp4
    case .float8E8M0FNU: self = .mxfp8
    case .float8E4M3FN where isPacked: self = .nvfp4
    // Before torch had the type, powers of two were kept as bytes.
    case .uint8 where isPacked: self = .mxfp4
    case .uint8: self = .mxfp8
    default: self = weight.elementType.isDecodable ? .scaled : .integers
    }
  }

  /// The shape that the weight has for the layer: two values are packed into a byte. `nil` where it
  /// does not tell.
  func shape(of weight: TensorDescription) -> TensorShape? {
    switch self {
    case .scaled, .mxfp8, .integers: return weight.shape
    case .bitsandbytes4: return nil
    case .mxfp4, .nvfp4:
      guard weight.elementType != .float4E2M1, let last = weight.shape.last else {
        return weight.shape
      }
      let (columns, overflow) = last.multipliedReportingOverflow(by: 2)
      return overflow
        ? nil : TensorShape(checking: weight.shape.dimensions.dropLast() + [columns])
    }
  }
}

/// The weights among a model's tensors whose numbers do not stand for themselves.
public struct StoredForms: Sendable, Hashable {
  /// The form of each such weight, by its place among the tensors.
  public let byWeight: [Int: StoredForm]
  /// The places of the tensors that belong to such weights or mark them; their values mean nothing
  /// by themselves.
  public let companions: Set<Int>
  /// The key of ComfyUI's account of quantised layers in the metadata: where none are left, it would
  /// take weights for quantised ones.
  public static let accountKey = "_quantization_metadata"
  /// The place of the scale of each weight that has one.
  public let scales: [Int: Int]
  /// The places of the markers of components.
  public let markers: [Int]
  private let companionsByWeight: [Int: [Int]]

  /// Looks through a model's tensors.
  public init(of tensors: [TensorDescription]) {
    let found = WeightCompanions(in: tensors)
    var forms: [Int: StoredForm] = [:]
    for (weight, companions) in found.byWeight {
      forms[weight] = StoredForm(of: tensors[weight], companions, in: tensors)
    }
    byWeight = forms
    scales = found.byWeight.compactMapValues { companions in
      companions.first { $0.role == .scale }?.index
    }
    companionsByWeight = found.byWeight.mapValues { $0.map(\.index) }
    markers = tensors.indices.filter { ScaledMarker.isMarker(tensors[$0].name) }
    companions = Set(found.weights.keys).union(markers)
  }

  /// The places of the tensors that belong to a weight.
  public func companions(of weight: Int) -> [Int] { companionsByWeight[weight] ?? [] }

  /// The number of weights in each form, the commonest first.
  public var counts: [(form: StoredForm, count: Int)] {
    StoredForm.allCases.map { form in (form, byWeight.values.count { $0 == form }) }
      .filter { $0.1 > 0 }.sorted { $0.1 > $1.1 }
  }

  /// The tensors with the shapes that their layers have, and those shapes where they are known.
  static func unpacked(
    _ tensors: [TensorDescription]
  ) -> [(tensor: TensorDescription, shape: TensorShape?)] {
    var unpacked = tensors.map { (tensor: $0, shape: Optional($0.shape)) }
    for (weight, form) in StoredForms(of: tensors).byWeight {
      unpacked[weight].shape = form.shape(of: tensors[weight])
      unpacked[weight].tensor.shape = unpacked[weight].shape ?? tensors[weight].shape
    }
    return unpacked
  }
}
