internal import Checkpoints
package import KeyLayouts
public import TensorCore

/// A checkpoint's tensors under canonical names as far as they have any, and the others under their
/// own: what two models are compared by, whole or not.
public struct CanonicalTensors: TensorSource {
  /// How a tensor came by its name.
  public enum Origin: Sendable, Hashable {
    /// It is the model's, under its canonical name.
    case canonical
    /// No conversion takes it along, for a stated reason; the name is the checkpoint's own.
    case leftBehind(reason: String)
    /// Nobody knows what it is; the name is the checkpoint's own.
    case unexplained
  }

  /// The tensors: the canonical ones first.
  public let tensors: [TensorDescription]
  /// By tensor, how it came by its name.
  public let origins: [Origin]
  /// By tensor, its place among the checkpoint's, where the bytes are the same.
  public let places: [Int?]
  private let mapped: MappedTensors?
  private let source: any TensorSource

  init(of checkpoint: Checkpoint, _ reading: Result<LayoutReading, LayoutError>) {
    source = checkpoint.source
    var tensors: [TensorDescription] = []
    var origins: [Origin] = []
    var places: [Int?] = []
    var leftovers: [(index: Int, origin: Origin)] = source.tensors.indices.map {
      ($0, .unexplained)
    }
    if let ledger = try? reading.get().ledger {
      mapped = MappedTensors(source, by: ledger)
      for target in ledger.targets {
        tensors.append(target.description)
        origins.append(
          CarriedName.isCarried(target.description.name)
            ? .leftBehind(reason: "carried along, no part of the model") : .canonical)
        if case .source(let index) = target.recipe {
          places.append(index)
        } else {
          places.append(nil)
        }
      }
      leftovers = ledger.entries.enumerated().compactMap { index, entry in
        switch entry.fate {
        case .ignored(let reason): (index, .leftBehind(reason: reason))
        case .unexplained: (index, .unexplained)
        default: nil
        }
      }
    } else {
      mapped = nil
    }
    for (index, origin) in leftovers {
      tensors.append(source.tensors[index])
      origins.append(origin)
      places.append(index)
    }
    (self.tensors, self.origins, self.places) = (tensors, origins, places)
  }

  /// The tensor at an index of `tensors`.
  ///
  /// - Throws: the container's error when its bytes cannot be produced.
  public func tensor(at index: Int) throws -> TensorView {
    if let mapped, index < mapped.tensors.count { return try mapped.tensor(at: index) }
    guard let place = places[index] else { preconditionFailure("a leftover without a place") }
    return try source.tensor(at: place)
  }

  /// The weights whose numbers do not stand for themselves, nor with the scale beside them as it is
  /// multiplied here, by index: nobody can compute with them.
  package var packedForms: [Int: StoredForm] {
    StoredForms(of: tensors).byWeight.filter { !$0.value.isMultipliable }
  }

  /// Of a weight into which its scale is multiplied, both as they are stored; `nil` for any other.
  ///
  /// - Throws: the container's error when they cannot be produced.
  package func scaledWeight(at index: Int) throws -> ScaledWeight? {
    guard let found = scaledPlace(of: index) else { return nil }
    return try found.stored.scaledWeight(
      at: found.place, part: found.part, of: found.count, isTransposed: found.isTransposed)
  }

  /// The type that such a weight is stored in; `nil` for any other tensor.
  package func scaledType(at index: Int) -> ElementType? {
    scaledPlace(of: index).flatMap { $0.stored.scaledType(at: $0.place) }
  }

  /// Where a tensor lies among those that may be multiplied with scales.
  private struct ScaledPlace {
    let stored: MappedTensors
    let place: Int
    /// Which of how many equal parts it is.
    var part = 0
    var count = 1
    var isTransposed = false
  }

  private func scaledPlace(of index: Int) -> ScaledPlace? {
    guard let stored = source as? MappedTensors else { return nil }
    if let place = places[index] { return ScaledPlace(stored: stored, place: place) }
    guard let mapped, index < mapped.tensors.count else { return nil }
    switch mapped.targets[index].recipe {
    case .rows(.source(let place), let part, let count):
      return ScaledPlace(stored: stored, place: place, part: part, count: count)
    case .transposed(.source(let place)):
      return ScaledPlace(stored: stored, place: place, isTransposed: true)
    default: return nil
    }
  }
}
