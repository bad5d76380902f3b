internal import KeyLayouts
internal import Numerics

/// A matrix kept as its two factors; a kernel in Tucker's form is multiplied into the right one.
struct FactoredMatrix: Sendable {
  let rows: Int
  let columns: Int
  private let inner: Int
  private let isLeftTransposed: Bool
  private let left: [Float]
  private let right: [Float]

  /// Reads the factors.
  ///
  /// - Throws: the errors of `AdapterValues`.
  init(_ product: AdapterProduct, _ values: AdapterValues) throws {
    rows = product.rows
    columns = product.columns
    isLeftTransposed = product.isLeftTransposed
    left = try values.floats(at: product.left)
    let right = try values.floats(at: product.right)
    inner = left.count / rows
    guard let core = product.core else {
      self.right = right
      return
    }
    self.right = Self.folded(
      try values.floats(at: core), right, outer: inner, rank: product.rank)
  }

  /// `[p, i, k] = Σ_q core[p, q, k] · right[q, i]`.
  private static func folded(
    _ core: [Float], _ right: [Float], outer: Int, rank: Int
  ) -> [Float] {
    let inputs = right.count / rank
    let kernel = core.count / (outer * rank)
    return [Float](unsafeUninitializedCapacity: outer * inputs * kernel) { buffer, filled in
      core.withUnsafeBufferPointer { core in
        right.withUnsafeBufferPointer { right in
          guard let core = core.baseAddress, let right = right.baseAddress,
            let target = buffer.baseAddress
          else { return }
          for place in 0..<outer {
            multiply(
              rows: inputs, columns: kernel, inner: rank, a: right, strideA: inputs,
              transposeA: true, b: core + place * rank * kernel, strideB: kernel,
              c: target + place * inputs * kernel, strideC: kernel)
          }
        }
      }
      filled = outer * inputs * kernel
    }
  }

  /// Whether a factor is zero.
  var isZero: Bool { left.isZero || right.isZero }

  /// Writes some rows of the product.
  func write(_ part: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return }
        let start = isLeftTransposed ? left + part.lowerBound : left + part.lowerBound * inner
        multiply(
          rows: part.count, columns: columns, inner: inner, a: start,
          strideA: isLeftTransposed ? rows : inner, transposeA: isLeftTransposed, b: right,
          strideB: columns, c: target, strideC: columns)
      }
    }
  }

  /// The whole product.
  var values: [Float] {
    [Float](unsafeUninitializedCapacity: rows * columns) { buffer, filled in
      if let start = buffer.baseAddress { write(0..<rows, into: start) }
      filled = rows * columns
    }
  }
}

extension [Float] {
  /// Whether all are zero.
  var isZero: Bool { allSatisfy { $0 == 0 } }
}

/// LoRA and LoCon: `up · down`.
struct LowRankChange: WeightChange {
  let matrix: FactoredMatrix

  var isNothing: Bool { matrix.isZero }

  func write(
    _ rows: Range<Int>, base: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    matrix.write(rows, into: target)
  }
}

/// LoHa: two products, multiplied element by element.
struct HadamardChange: WeightChange {
  let first: FactoredMatrix
  let second: FactoredMatrix

  var isNothing: Bool { first.isZero || second.isZero }

  func write(
    _ rows: Range<Int>, base: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    let count = rows.count * first.columns
    first.write(rows, into: target)
    Scratch.withFloats(count) { other in
      second.write(rows, into: other)
      for index in 0..<count { target[index] *= other[index] }
    }
  }
}

/// The difference itself.
struct DirectChange: WeightChange {
  let values: [Float]
  let columns: Int

  var isNothing: Bool { values.isZero }

  func write(
    _ rows: Range<Int>, base: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      target.update(from: start + rows.lowerBound * columns, count: rows.count * columns)
    }
  }
}
