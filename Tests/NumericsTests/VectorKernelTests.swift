import Foundation
import TensorCore
import Testing

@testable import Numerics

@Suite struct VectorKernelTests {
  @Test(arguments: [1, 7, 15, 16, 17, 77, 4096])
  func giveTheSameBitsOnEverySet(count: Int) {
    var values = noise([count], seed: UInt64(count), scale: 8).floats
    if count > 20 { values.replaceSubrange(2..<6, with: [-200, 90, 0, -0.0]) }
    let results = sets.map { set in
      let kernels = VectorKernels(set)
      var softmax = values
      var (peak, sum): (Float, Float) = (0.5, 2)
      let factor = softmax.withUnsafeMutableBufferPointer {
        kernels.softmaxStep($0.baseAddress, count, &peak, &sum)
      }
      let maps: [[Float]] = [kernels.quickGELU, kernels.gelu].map { loop in
        [Float](unsafeUninitializedCapacity: count) { buffer, size in
          loop(values, buffer.baseAddress, count)
          size = count
        }
      }
      let affine = [kernels.affine, kernels.affineSiLU].map { loop in
        [Float](unsafeUninitializedCapacity: count) { buffer, size in
          loop(values, buffer.baseAddress, count, 0.7, -0.3)
          size = count
        }
      }
      return (maps + affine + [softmax, [factor, peak, sum]]).map { $0.map(\.bitPattern) }
    }
    for result in results { #expect(result == results[0]) }
  }

  /// In the tail too, where 1 + erf would leave nothing.
  @Test func geluIsRelativelyAccurate() {
    let x = (0..<26_001).map { Float($0) * 0.001 - 12.97 } + [1e-30, -1e-30, 1e-6, -1e-6, 1e6]
    let y = [Float](unsafeUninitializedCapacity: x.count) { buffer, size in
      VectorKernels.current.gelu(x, buffer.baseAddress, x.count)
      size = x.count
    }
    for (value, result) in zip(x, y) {
      let exact = Double(value) * 0.5 * erfc(-Double(value) / 2.0.squareRoot())
      if abs(Double(result) - exact) > 6e-7 * abs(exact) {
        Issue.record("gelu(\(value)) is \(result), expected \(exact)")
      }
    }
  }

  @Test func geluKeepsWhatIsNotFinite() {
    let x: [Float] = [.nan, .infinity, -100]
    let y = gelu(Tensor(shape: [3], values: x)).floats
    #expect(y[0].isNaN)
    #expect(y[1] == .infinity)
    #expect(y[2] == 0)
  }
}
