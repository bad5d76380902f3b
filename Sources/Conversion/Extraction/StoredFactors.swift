internal import Numerics
internal import TensorCore

/// The two factors of a change as they are stored, and what their product leaves of it.
struct StoredFactors {
  /// `down`, `[rank, in, …]`, and `up`, `[out, rank, …]`.
  let views: [TensorView]
  /// What the product is multiplied with when it is used.
  private let scale: Float

  /// Rounds factors to the type that they are stored in.
  ///
  /// - Parameters:
  ///   - shape: the changed weight's.
  ///   - scale: what readers multiply the product with, which the factors make up for.
  init(_ found: LowRankApproximation, of shape: TensorShape, as type: ElementType, scale: Float) {
    self.scale = scale
    let down = TensorShape([found.rank] + shape.dimensions.dropFirst())
    let up = TensorShape([shape[0], found.rank] + (shape.rank == 4 ? [1, 1] : []))
    let makeUp = (1 / scale).squareRoot()
    views = [(down, found.right), (up, found.left)].map { shape, values in
      values.map { $0 * makeUp }.withUnsafeBytes { values in
        let description = TensorDescription(name: "", elementType: type, shape: shape)
        let storage = ByteStorage(count: type.byteCount(of: shape.elementCount)) { target in
          ElementConversion.convert(values.bytes, from: .float32, to: type, into: &target)
        }
        return TensorView(
          description: description, storage: storage, byteRange: 0..<storage.count)
      }
    }
  }

  /// The sum of the squares of what the product leaves of a change; `nil` where a factor is beyond
  /// the range of its type.
  func energyLeft(of change: [Float], rows: Int, columns: Int) -> Double? {
    let factors = views.map { view in
      view.withBytes { ElementConversion.floats($0, type: view.elementType) }
    }
    guard factors.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { return nil }
    let rank = views[0].shape[0]
    var left = change
    left.withUnsafeMutableBufferPointer { left in
      factors[1].withUnsafeBufferPointer { up in
        factors[0].withUnsafeBufferPointer { down in
          guard let c = left.baseAddress, let a = up.baseAddress, let b = down.baseAddress else {
            return
          }
          multiply(
            rows: rows, columns: columns, inner: rank, alpha: -scale, a: a, strideA: rank, b: b,
            strideB: columns, beta: 1, c: c, strideC: columns)
        }
      }
    }
    return WeightDifference.energy(of: left)
  }
}
