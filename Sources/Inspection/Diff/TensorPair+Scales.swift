internal import Conversion
internal import TensorCore

extension TensorPair {
  /// Notes what the products of weights and scales do not tell: whether they are stored in the same
  /// bytes, and whether one is the other, divided by its scale and rounded.
  ///
  /// - Throws: the containers' errors when a tensor cannot be produced.
  mutating func noteScales(
    _ first: CanonicalTensors, _ left: Int, _ second: CanonicalTensors, _ right: Int
  ) throws {
    let (x, y) = (try first.scaledWeight(at: left), try second.scaledWeight(at: right))
    if isIdentical {
      isIdentical = if let x, let y { x.isStored(as: y) } else { false }
    }
    guard state == .changed, relation == .same || relation == .reshaped else { return }
    if let y, x == nil, y.isRounded(from: try first.tensor(at: left)) {
      difference?.roundings = [.to(y.weight.elementType)]
    } else if let x, y == nil, x.isRounded(from: try second.tensor(at: right)) {
      difference?.roundings = [.from(x.weight.elementType)]
    } else if let x, let y, x.isRounded(as: y, count: a.shape.elementCount) {
      difference?.roundings = [.both]
    }
  }

  /// The bytes of both tensors as they are stored.
  var storedByteCount: Int {
    [(scaledTypeA ?? a.elementType, a.shape), (scaledTypeB ?? b.elementType, b.shape)]
      .reduce(0) { $0 + ($1.0.byteCount(for: $1.1) ?? 0) }
  }
}
