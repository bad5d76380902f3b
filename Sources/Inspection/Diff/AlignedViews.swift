internal import Checkpoints
internal import TensorCore

/// Two tensors as far as they can be compared place by place, in one part or more.
struct AlignedViews {
  /// Views with the same number of elements in the same order.
  let parts: [(a: TensorView, b: TensorView)]

  /// The bytes of all parts.
  var byteCount: Int { parts.reduce(0) { $0 + $1.a.byteRange.count + $1.b.byteRange.count } }

  /// - Returns: `nil` when nothing can be compared.
  init?(_ a: TensorView, _ b: TensorView, _ relation: TensorPair.Relation) {
    switch relation {
    case .incomparable: return nil
    case .same, .reshaped: parts = [(a, b)]
    case .transposed:
      // Blocks' values cannot be exchanged one by one.
      guard b.elementType.blockElements == 1 else { return nil }
      parts = [
        (
          a,
          b.transposed(
            as: TensorDescription(name: b.name, elementType: b.elementType, shape: a.shape))
        )
      ]
    case .rows(let common):
      guard a.hasWholeRows, b.hasWholeRows else { return nil }
      parts = [(a.rows(0..<common), b.rows(0..<common))]
    case .halvesSwapped:
      guard a.hasWholeRows, b.hasWholeRows else { return nil }
      let (first, second) = (0..<a.shape[0] / 2, a.shape[0] / 2..<a.shape[0])
      parts = [(a.rows(first), b.rows(second)), (a.rows(second), b.rows(first))]
    }
  }
}

extension TensorView {
  /// Whether each row is a number of whole blocks.
  var hasWholeRows: Bool {
    shape.dimensions.dropFirst().reduce(1, *) % elementType.blockElements == 0
  }

  /// Some of the rows of a tensor that has whole ones.
  func rows(_ rows: Range<Int>) -> TensorView {
    let length = shape[0] == 0 ? 0 : byteRange.count / shape[0]
    let start = byteRange.lowerBound + rows.lowerBound * length
    return TensorView(
      description: TensorDescription(
        name: name, elementType: elementType,
        shape: TensorShape([rows.count] + shape.dimensions.dropFirst())),
      storage: storage, byteRange: start..<start + rows.count * length)
  }
}
