import TensorCore
import Testing

@testable import Numerics

@Suite struct WinogradTests {
  @Test(arguments: [
    (batch: 1, inputs: 3, outputs: 5, height: 4, width: 4, padding: Padding(1)),
    (batch: 2, inputs: 17, outputs: 33, height: 9, width: 67, padding: Padding(1)),
    (batch: 1, inputs: 8, outputs: 4, height: 21, width: 130, padding: Padding(0)),
    (
      batch: 1, inputs: 5, outputs: 7, height: 6, width: 35,
      padding: Padding(top: 0, bottom: 1, left: 2, right: 1)
    ),
  ])
  func agreesWithTheDirectSumOnEverySet(
    batch: Int, inputs: Int, outputs: Int, height: Int, width: Int, padding: Padding
  ) throws {
    let x = noise([batch, inputs, height, width], seed: 1)
    let w = try weight(noise([outputs, inputs, 3, 3], seed: 2, scale: 0.1))
    let bias = try weight(noise([outputs], seed: 3))
    let winograd = try #require(
      WinogradConvolution(
        input: x.shape, weight: w.shape, stride: 1, padding: padding, minimumTiles: 0))
    let direct = directConvolution2D(x, weight: w, bias: bias, stride: 1, padding: padding)
    let results = sets.map { winograd(x, weight: w, bias: bias, kernels: VectorKernels($0)) }
    let largest = direct.floats.reduce(0) { max($0, abs($1)) }
    for result in results {
      #expect(result.shape == direct.shape)
      #expect(result.floats.map(\.bitPattern) == results[0].floats.map(\.bitPattern))
      let error = zip(result.floats, direct.floats).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(error / largest < 1e-5)
    }
  }

  /// F(4x4, 3x3) loses about a digit: the bound is per layer, against the float64 sum.
  @Test func staysNearTheExactSum() throws {
    let x = noise([1, 64, 32, 32], seed: 4)
    let weights = noise([48, 64, 3, 3], seed: 5, scale: 0.05)
    let winograd = try #require(
      WinogradConvolution(
        input: x.shape, weight: weights.shape, stride: 1, padding: Padding(1)))
    let result = try winograd(x, weight: weight(weights), bias: nil)
    var (largest, error) = (0.0, 0.0)
    let (values, filters) = (x.floats, weights.floats)
    for output in 0..<48 {
      for y in 0..<32 {
        for column in 0..<32 {
          var sum = 0.0
          for input in 0..<64 {
            for ky in 0..<3 where (0..<32).contains(y + ky - 1) {
              for kx in 0..<3 where (0..<32).contains(column + kx - 1) {
                let value = values[(input * 32 + y + ky - 1) * 32 + column + kx - 1]
                sum += Double(value) * Double(filters[((output * 64 + input) * 3 + ky) * 3 + kx])
              }
            }
          }
          largest = max(largest, abs(sum))
          error = max(error, abs(sum - Double(result.floats[(output * 32 + y) * 32 + column])))
        }
      }
    }
    #expect(error / largest < 5e-6)
  }
}
