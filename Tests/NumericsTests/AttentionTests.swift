import Foundation
import Testing

@testable import Numerics

/// More keys and queries than one block holds, against the sum in double precision.
@Suite struct AttentionTests {
  @Test(arguments: [
    (queries: 600, keys: 1100, causal: false, rising: true),
    (queries: 300, keys: 1025, causal: false, rising: false),
    (queries: 900, keys: 900, causal: true, rising: true),
  ])
  func blocksGiveTheWholeSoftmax(queries: Int, keys: Int, causal: Bool, rising: Bool) {
    let (heads, width) = (2, 8)
    let query = noise([1, queries, heads * width], seed: 1)
    var key = noise([1, keys, heads * width], seed: 2)
    let value = noise([1, keys, heads * width], seed: 3)
    if rising {
      // Later keys score higher, so every block moves the maximum.
      key = Tensor(
        shape: key.shape,
        values: zip(key.floats.indices, key.floats).map { index, value in
          value * Float(index / (heads * width)) / 100
        })
    }
    let result = attention(
      query: query, key: key, value: value, heads: heads, isCausal: causal)
    var (largest, error) = (0.0, 0.0)
    for head in 0..<heads {
      func element(_ tensor: Tensor, _ row: Int, _ column: Int) -> Double {
        Double(tensor.floats[(row * heads + head) * width + column])
      }
      for row in stride(from: 0, to: queries, by: 13) {
        let seen = causal ? row + 1 : keys
        let scores = (0..<seen).map { other in
          (0..<width).reduce(0) { $0 + element(query, row, $1) * element(key, other, $1) }
            / Double(width).squareRoot()
        }
        let peak = scores.max() ?? 0
        let weights = scores.map { exp($0 - peak) }
        let sum = weights.reduce(0, +)
        for column in 0..<width {
          let exact =
            weights.indices.reduce(0) {
              $0 + weights[$1] * element(value, $1, column)
            } / sum
          largest = max(largest, abs(exact))
          error = max(error, abs(exact - element(result, row, column)))
        }
      }
    }
    #expect(error / largest < 3e-6)
  }
}
