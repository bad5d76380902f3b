import Foundation
import TensorCore
import Testing

@testable import Inspection

@Suite struct ChangeRankTests {
  /// The digits model with matrices of a rank added to its attention; of full rank without one.
  private static func diff(
    rank: Int?, size: Float = 0.02, all: Bool = false
  ) throws -> ModelDiff {
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
    return try ModelDiff(original.side(), edited.side(), ranksAll: all)
  }

  @Test(arguments: [1, 4, 8])
  func theRankOfABakedLoRAIsFoundThroughRounding(rank: Int) throws {
    let diff = try Self.diff(rank: rank)
    #expect(diff.verdict.kind == .loraLike)
    #expect(diff.ranks.count == 4)
    #expect(diff.ranks.allSatisfy { $0.rank == rank && $0.isLow == true })
    #expect(diff.verdict.sentence.hasPrefix("like a LoRA: only weight matrices of unet changed "))
    #expect(diff.verdict.sentence.contains("of rank \(rank) at most in the 4 that were looked at"))
  }

  @Test func trainedMatricesAreOfHighRank() throws {
    let diff = try Self.diff(rank: nil)
    #expect(diff.verdict.kind == .matrices)
    #expect(diff.ranks.count == 4 && diff.ranks.allSatisfy { $0.isLow == false })
    #expect(diff.verdict.sentence.contains("of high rank in the 4 that were looked at"))
  }

  @Test func ranksAreMeasuredOnlyWhereMatricesAloneChanged() throws {
    let original = try ModelEdit("digits/digits.ckpt")
    var edited = original
    edited.addNoise(0.01) { $0.hasPrefix("model.") }
    let diff = try ModelDiff(original.side(), edited.side())
    #expect(diff.ranks.isEmpty && diff.verdict.kind == .fineTune)
  }

  @Test(arguments: [1, 4, 8])
  func everyMatrixIsDecomposedOnRequest(rank: Int) throws {
    let diff = try Self.diff(rank: rank, all: true)
    let changed = diff.pairs.filter { $0.state == .changed }
    #expect(changed.count > 4)
    #expect(Set(diff.ranks.map(\.name)) == Set(changed.map(\.name)))
    for found in diff.ranks {
      #expect(found.isWhole && found.rank == rank)
      #expect(found.rank(holding: 0.99) <= rank)
      #expect(found.share(of: rank) > 0.999)
      let difference = try #require(diff.pairs.first { $0.name == found.name }?.difference)
      #expect(abs(found.energy / difference.sumSquares - 1) < 1e-9)
    }
    let summary = try #require(diff.rankSummaries.first)
    #expect(diff.rankSummaries.count == 1)
    #expect(summary.component == "unet" && summary.count == changed.count)
    #expect(summary.shares == summary.shares.sorted())
    #expect(summary.shares[4] > 0.999)
    #expect(diff.verdict.sentence.contains("in the \(changed.count) that were looked at"))
  }

  /// Other matrices than square ones of floats: what a shape allows, and what no rounding is known of.
  @Test func shapesAndTypesOfAllKindsAreDecomposed() throws {
    let kernel = TensorDescription(name: "kernel", elementType: .float32, shape: [6, 4, 3, 3])
    let blocks = TensorDescription(name: "blocks", elementType: .q80, shape: [40, 64])
    let tall = TensorDescription(name: "tall", elementType: .float32, shape: [700, 5])
    let empty = TensorDescription(name: "empty", elementType: .float32, shape: [0, 5])
    let line = TensorDescription(name: "line", elementType: .float32, shape: [50])
    var source = try ModelEdit("diff/a.safetensors")
    source.remove { _ in true }
    var edited = source
    for tensor in [kernel, tall, empty, line] {
      let values = (0..<tensor.shape.elementCount).map { Float($0 % 7) }
      source.add(tensor, values)
      var others = values
      for place in others.indices { others[place] += Float((place * place) % 11) }
      if tensor.name == "tall" { others[3] = .nan }
      edited.add(tensor, others)
    }
    source.add(blocks, [Float](repeating: 2, count: 40 * 64))
    edited.add(blocks, [Float](repeating: 3, count: 40 * 64))
    let diff = try ModelDiff(source.side(), edited.side(), ranksAll: true)
    let ranks = Dictionary(uniqueKeysWithValues: diff.ranks.map { ($0.name, $0) })
    #expect(Set(ranks.keys) == ["kernel", "tall", "blocks"])
    #expect(ranks["kernel"]?.rows == 6 && ranks["kernel"]?.columns == 36)
    #expect(ranks["tall"]?.size == 5)
    #expect(ranks["tall"]?.energy.isFinite == true)
    #expect(ranks["blocks"]?.rank == nil && ranks["blocks"]?.isLow == nil)
    #expect(ranks["blocks"]?.rank(holding: 0.999) == 1)
  }
}
