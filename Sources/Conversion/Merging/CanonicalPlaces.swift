internal import KeyLayouts
internal import TensorCore

/// What a model's own tensors are under canonical names, so that a change made there finds its way
/// into the file as it is.
struct CanonicalPlaces: Sendable {
  /// How a tensor of the file holds canonical ones.
  enum Place: Sendable {
    /// It is one, perhaps of another shape.
    case whole(TensorDescription)
    /// It is one with rows and columns exchanged.
    case transposed(TensorDescription)
    /// Its rows are several.
    case rows([TensorDescription])

    /// The canonical tensors.
    var tensors: [TensorDescription] {
      switch self {
      case .whole(let tensor), .transposed(let tensor): [tensor]
      case .rows(let tensors): tensors
      }
    }
  }

  /// By index of the file's tensors.
  private(set) var places: [Int: Place] = [:]
  /// The canonical tensors, in the model's order.
  let tensors: [TensorDescription]

  /// Follows a reading's recipes.
  ///
  /// - Throws: `ConversionError` for a tensor that is put together of several in a way that no
  ///   known layout needs.
  init(_ reading: LayoutReading, origin: String) throws(ConversionError) {
    tensors = reading.ledger.targets.map(\.description)
    var rows: [Int: [TensorDescription]] = [:]
    for target in reading.ledger.targets {
      switch target.recipe {
      case .source(let index): places[index] = .whole(target.description)
      case .transposed(.source(let index)): places[index] = .transposed(target.description)
      case .rows(of: .source(let index), let part, let count):
        var parts = rows[index] ?? []
        guard part == parts.count, part < count else {
          throw Self.entangled(target.description, origin)
        }
        parts.append(target.description)
        rows[index] = parts
        if parts.count == count { places[index] = .rows(parts) }
      default: throw Self.entangled(target.description, origin)
      }
    }
  }

  private static func entangled(_ tensor: TensorDescription, _ origin: String) -> ConversionError {
    ConversionError(
      path: origin,
      problem: "tensor '\(tensor.name)' is put together of several and cannot be changed: convert "
        + "the model to diffusers' names first")
  }

  /// Takes the names as they are, of a model that nobody knows: below the component that adapters
  /// for such models name.
  init(unknown tensors: [TensorDescription]) {
    var named: [TensorDescription] = []
    for (index, tensor) in tensors.enumerated() {
      var canonical = tensor
      canonical.name = AdapterModuleName.canonicalName(ofUnknown: tensor.name)
      places[index] = .whole(canonical)
      named.append(canonical)
    }
    self.tensors = named
  }
}
