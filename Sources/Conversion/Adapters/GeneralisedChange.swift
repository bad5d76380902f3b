internal import Numerics

/// GLoRA as LyCORIS computes it: `W·a1·a2 + b1·b2`, where the product with `W` runs over its inputs
/// and leaves the kernel alone.
struct GeneralisedChange: WeightChange {
  /// `[inputs, rank]`.
  let first: [Float]
  /// `[rank, inputs]`.
  let second: [Float]
  let inputs: Int
  /// `b1·b2`.
  let sum: FactoredMatrix

  var needsBase: Bool { true }
  var isNothing: Bool { sum.isZero && (first.isZero || second.isZero) }

  func write(
    _ rows: Range<Int>, base: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    sum.write(rows, into: target)
    let rank = first.count / inputs
    let kernel = sum.columns / inputs
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        guard let first = first.baseAddress, let second = second.baseAddress else { return }
        if kernel == 1 {
          Scratch.withFloats(rows.count * rank) { middle in
            multiply(
              rows: rows.count, columns: rank, inner: inputs, a: base, strideA: inputs, b: first,
              strideB: rank, c: middle, strideC: rank)
            multiply(
              rows: rows.count, columns: inputs, inner: rank, a: middle, strideA: rank, b: second,
              strideB: inputs, beta: 1, c: target, strideC: inputs)
          }
          return
        }
        Scratch.withFloats(rank * kernel) { middle in
          for row in 0..<rows.count {
            multiply(
              rows: rank, columns: kernel, inner: inputs, a: first, strideA: rank,
              transposeA: true, b: base + row * sum.columns, strideB: kernel, c: middle,
              strideC: kernel)
            multiply(
              rows: inputs, columns: kernel, inner: rank, a: second, strideA: inputs,
              transposeA: true, b: middle, strideB: kernel, beta: 1,
              c: target + row * sum.columns, strideC: kernel)
          }
        }
      }
    }
  }
}
