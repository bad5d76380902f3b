import Foundation
import TensorCore
import Testing

@testable import Inspection

@Suite struct ChangeRankTests {
  /// The digits model with matrices of a rank added to its attention; of full rank without one.
  private static func diff(rank: Int?, size: Float = 0.02) throws -> ModelDiff {
    let original = try ModelEdit("digits/digits.ckpt")
    var edited = original
    let shapes = Dictionary(
      original.tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    for (name, shape) in shapes
    where name.hasPrefix("model.") && name.contains(".attn2.to_") && name.hasSuffix(".weight") {
      edited.change(where: { $0 == name }) { values, generator in
        let (rows, columns) = (shape[0], shape[1])
        guard let rank else {
          for index in values.indices { values[index] += size * generator.normal() }
          return
        }
        let up = (0..<rows * rank).map { _ in generator.normal() }
        let down = (0..<rank * columns).map { _ in generator.normal() }
        for row in 0..<rows {
          for column in 0..<columns {
            let sum = (0..<rank).reduce(Float(0)) {
              $0 + up[row * rank + $1] * down[$1 * columns + column]
            }
            values[row * columns + column] += size * sum
          }
        }
      }
    }
    return try ModelDiff(original.side(), edited.side())
  }

  @Test(arguments: [1, 4, 8])
  func theRankOfABakedLoRAIsFoundThroughRounding(rank: Int) throws {
    let diff = try Self.diff(rank: rank)
    #expect(diff.verdict.kind == .loraLike)
    #expect(diff.ranks.count == 4)
    #expect(diff.ranks.allSatisfy { $0.rank == rank && $0.isLow })
    #expect(diff.verdict.sentence.hasPrefix("like a LoRA: only weight matrices of unet changed "))
    #expect(diff.verdict.sentence.contains("of rank \(rank) at most in the 4 that were looked at"))
  }

  @Test func trainedMatricesAreOfHighRank() throws {
    let diff = try Self.diff(rank: nil)
    #expect(diff.verdict.kind == .matrices)
    #expect(diff.ranks.count == 4 && diff.ranks.allSatisfy { !$0.isLow })
    #expect(diff.verdict.sentence.contains("of high rank in the 4 that were looked at"))
  }

  @Test func ranksAreMeasuredOnlyWhereMatricesAloneChanged() throws {
    let original = try ModelEdit("digits/digits.ckpt")
    var edited = original
    edited.addNoise(0.01) { $0.hasPrefix("model.") }
    let diff = try ModelDiff(original.side(), edited.side())
    #expect(diff.ranks.isEmpty && diff.verdict.kind == .fineTune)
  }
}

@Suite struct SymmetricSpectrumTests {
  /// The second difference of n places has the eigenvalues 2 − 2 cos(kπ / (n + 1)); it is the matrix
  /// of inner products of the n first differences.
  @Test(arguments: [1, 2, 3, 40])
  func knownEigenvaluesAreCounted(count: Int) {
    let differences = (0..<count).map { row in
      (0...count).map { column in column == row ? 1.0 : column == row + 1 ? -1 : 0 }
    }
    let spectrum = SymmetricSpectrum(productsOf: differences)
    let known = (1...count).map { 2 - 2 * cos(Double($0) * .pi / Double(count + 1)) }
    for (index, value) in known.enumerated() {
      #expect(spectrum.count(above: value * (1 + 1e-9)) == count - index - 1)
      #expect(spectrum.count(above: value * (1 - 1e-9)) == count - index)
    }
    #expect(abs(spectrum.largest - known[count - 1]) <= 2e-3 * known[count - 1])
  }

  @Test func aRandomMatrixHasTheRankThatItWasMadeWith() {
    var generator = SplitMix(state: 5)
    let up = (0..<50).map { _ in (0..<7).map { _ in Double(generator.normal()) } }
    let down = (0..<7).map { _ in (0..<90).map { _ in Double(generator.normal()) } }
    let product = up.map { row in
      (0..<90).map { column in (0..<7).reduce(0) { $0 + row[$1] * down[$1][column] } }
    }
    for matrix in [product, (0..<90).map { column in product.map { $0[column] } }] {
      let spectrum = SymmetricSpectrum(productsOf: matrix)
      #expect(spectrum.count(above: 1e-10 * spectrum.largest) == 7)
    }
  }

  @Test func nothingHasNoSpectrum() {
    #expect(SymmetricSpectrum(productsOf: []).largest == 0)
    #expect(SymmetricSpectrum(productsOf: [[0, 0], [0, 0]]).count(above: 0) == 0)
  }
}
