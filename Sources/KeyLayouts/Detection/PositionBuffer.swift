public import TensorCore

/// The buffer `position_ids` of a text encoder in transformers' names: the whole numbers from 0 on.
/// Nothing is computed from it that the model's size does not tell, but readers take it as it is.
public struct PositionBuffer: Sendable, Hashable {
  /// The text encoder.
  public let component: Component
  /// The buffer's name in the checkpoint's own layout, int64 `[1, count]`.
  public let description: TensorDescription
  /// Whether the original checkpoints of the family have it. transformers no longer saves it.
  public let isExpected: Bool

  /// How a name stands to the buffer's.
  public enum Likeness: Sendable, Hashable {
    /// It is the name.
    case same
    /// The level `text_model` is missing, as it may be in all names.
    case withoutLevel
    /// The buffer stands below other modules.
    case misplaced
  }

  /// What the encoder's names start with.
  private let prefix: String

  /// Where the checkpoints of CompVis and SGM keep text encoders, whole as transformers had them.
  private static let originalPrefixes = ["cond_stage_model.", "conditioner."]

  private static let path = "text_model.embeddings.position_ids"

  /// The number of positions.
  public var count: Int { description.shape.elementCount }

  /// How a tensor's name stands to the buffer's; `nil` when it is something else.
  public func likeness(of name: String) -> Likeness? {
    guard name.hasPrefix(prefix), name.hasSuffix("position_ids") else { return nil }
    let path = name.dropFirst(prefix.count).split(separator: ".")
    if path == Self.path.split(separator: ".") { return .same }
    let rest = path.filter { $0 != "text_model" && $0 != "encoder" }
    guard rest == ["embeddings", "position_ids"] else { return nil }
    return path == rest ? .withoutLevel : .misplaced
  }

  fileprivate init?(of place: ComponentPlace, positions: Int, named name: String) {
    guard name.hasSuffix(Self.path) else { return nil }
    component = place.component
    description = TensorDescription(
      name: name, elementType: .int64, shape: TensorShape([1, positions]))
    isExpected = Self.originalPrefixes.contains { place.prefix.hasPrefix($0) }
    prefix = String(name.dropLast(Self.path.count))
  }
}

extension LayoutReading {
  /// The buffers of positions of the text encoders that are there; OpenCLIP's have none.
  public var positionBuffers: [PositionBuffer] {
    detection.places.compactMap { place in
      let embeddings = place.component.prefix + "text_model.embeddings."
      let table = ledger.targets.first {
        $0.description.name == embeddings + "position_embedding.weight"
      }
      guard let positions = table?.description.shape.dimensions.first, positions > 0,
        positions < 1 << 20
      else { return nil }
      let canonical = TensorDescription(
        name: embeddings + "position_ids", elementType: .int64, shape: [])
      return ownDescription(of: canonical).flatMap {
        PositionBuffer(of: place, positions: positions, named: $0.name)
      }
    }
  }
}
