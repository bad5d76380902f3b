public import KeyLayouts
public import TensorCore

/// A tensor of one model and its counterpart in the other.
public struct TensorPair: Sendable, Hashable {
  /// How the shapes relate, and so what was compared with what.
  public enum Relation: Sendable, Hashable {
    /// They are the same.
    case same
    /// The same values in the same order under another shape: a 1×1 convolution and a matrix.
    case reshaped
    /// Matrices with rows and columns exchanged.
    case transposed
    /// The first half of the rows of one are the second half of the other's: the scale and the shift
    /// of a modulation, which programs write in either order.
    case halvesSwapped
    /// One has more rows: the first so many, which both have, were compared.
    case rows(common: Int)
    /// Nothing can be compared.
    case incomparable
  }

  /// What the comparison came to.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// The same bytes, or the same values in another type.
    case same
    /// Every change is a rounding through a smaller type.
    case rounded
    /// No change is beyond the tolerance.
    case near
    /// Values changed.
    case changed
    /// The shapes do not allow a comparison of all values.
    case misshapen
  }

  /// The name that both share; where it is not canonical, the checkpoint's own.
  public let name: String
  /// Where in the model it is.
  public let place: TensorPlace
  /// The first model's tensor.
  public let a: TensorDescription
  /// The second model's tensor.
  public let b: TensorDescription
  /// Of the first model's weight, where its scale was multiplied into it, the type that it is stored
  /// in; `a` has the product's.
  public let scaledTypeA: ElementType?
  /// The same of the second model's weight.
  public let scaledTypeB: ElementType?
  /// The form of a side whose numbers do not stand for themselves (MXFP8, NF4): only bytes are compared,
  /// and only with the same form.
  public internal(set) var packedForm: StoredForm?
  /// How the shapes relate.
  public internal(set) var relation: Relation
  /// The figures; `nil` where the types are packed ones, of which only bytes are compared, or the
  /// shapes allow nothing.
  public internal(set) var difference: TensorDifference?
  /// Whether type, shape and bytes are the same.
  public internal(set) var isIdentical = false
  /// Whether equal digests in two ingots spared the reading.
  public internal(set) var isSpared = false
  /// Of token embeddings with few changes, the rows that changed.
  public internal(set) var changedRows: ChangedRows?

  init(
    _ a: TensorDescription, _ b: TensorDescription, isLeftBehind: Bool = false,
    scaled types: (a: ElementType?, b: ElementType?) = (nil, nil)
  ) {
    (scaledTypeA, scaledTypeB) = types
    name = a.name
    place = isLeftBehind ? .leftBehind : TensorPlace(of: a.name)
    self.a = a
    self.b = b
    relation = Self.relation(a.shape, b.shape)
  }

  private static func relation(_ a: TensorShape, _ b: TensorShape) -> Relation {
    if a == b { return .same }
    if a.elementCount == b.elementCount {
      let isMatrix = a.rank == 2 && b.rank == 2
      let plain = [a, b].map { $0.dimensions.filter { $0 != 1 } }
      if isMatrix, plain[0] != plain[1], a[0] == b[1], a[1] == b[0] { return .transposed }
      return plain[0] == plain[1] ? .reshaped : .incomparable
    }
    guard a.rank == b.rank, a.rank > 1, a.dimensions.dropFirst() == b.dimensions.dropFirst() else {
      return .incomparable
    }
    return .rows(common: min(a[0], b[0]))
  }

  /// Whether it is a weight that a LoRA can change: no bias, no norm, no token embedding.
  var isMatrix: Bool { a.shape.rank > 1 && place.kind != .tokenEmbedding }

  /// Whether the element types differ.
  public var isRetyped: Bool {
    a.elementType != b.elementType || scaledTypeA != scaledTypeB
  }

  /// How the first model stores it, for people: `f16`, `f8_e4m3 scaled`.
  public var typeA: String { scaledTypeA.map { "\($0) scaled" } ?? a.elementType.name }
  /// The same of the second model.
  public var typeB: String { scaledTypeB.map { "\($0) scaled" } ?? b.elementType.name }

  /// What the comparison came to.
  public var state: State {
    switch relation {
    case .incomparable, .rows: return .misshapen
    default: break
    }
    guard let difference else { return isIdentical ? .same : .changed }
    if difference.changedCount == 0 { return .same }
    if difference.roundings?.isEmpty == false { return .rounded }
    return difference.beyondCount == 0 ? .near : .changed
  }
}

/// The rows of a matrix that changed.
public struct ChangedRows: Sendable, Hashable {
  /// How many.
  public let count: Int
  /// The numbers of the first of them.
  public let first: [Int]
}
