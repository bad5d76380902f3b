internal import KeyLayouts

/// LoKr: the Kronecker product of a small matrix `[a, b]` and a larger one `[c, d…]`: row
/// `i·c + j` and column `k·d + l` is `first[i, k] · second[j, l]`. With a kernel, `l` counts inputs
/// and kernel places together, which is how torch's `kron` of four-dimensional tensors lies in
/// memory.
struct KroneckerChange: WeightChange {
  private let first: [Float]
  private let firstColumns: Int
  private let second: [Float]
  private let secondRows: Int
  private let secondColumns: Int

  /// Reads or multiplies out both factors.
  ///
  /// - Throws: the errors of `AdapterValues`.
  init(_ first: AdapterFactor, _ second: AdapterFactor, _ values: AdapterValues) throws {
    self.first = try Self.matrix(first, values)
    self.second = try Self.matrix(second, values)
    firstColumns = first.columns
    (secondRows, secondColumns) = (second.rows, second.columns)
  }

  var isNothing: Bool { first.isZero || second.isZero }

  private static func matrix(_ factor: AdapterFactor, _ values: AdapterValues) throws -> [Float] {
    switch factor {
    case .whole(let place, _, _): try values.floats(at: place)
    case .product(let product): try FactoredMatrix(product, values).values
    }
  }

  func write(
    _ rows: Range<Int>, base: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        guard let second = second.baseAddress else { return }
        var place = target
        for row in rows {
          let (outer, inner) = row.quotientAndRemainder(dividingBy: secondRows)
          let source = second + inner * secondColumns
          for column in 0..<firstColumns {
            let factor = first[outer * firstColumns + column]
            for index in 0..<secondColumns { place[index] = factor * source[index] }
            place += secondColumns
          }
        }
      }
    }
  }
}
