import Checkpoints
import Conversion
import Foundation
import Inspection
import TensorCore
import Testing

/// Changes that are larger than any training makes.
@Suite struct ExtremeChangeTests {
  /// Matrices of float64, whose squares may be beyond all numbers.
  private struct Doubles: TensorSource {
    let values: [Double]

    var tensors: [TensorDescription] {
      [TensorDescription(name: "w", elementType: .float64, shape: [values.count / 40, 40])]
    }

    func tensor(at index: Int) throws -> TensorView {
      let storage = values.withUnsafeBytes { ByteStorage(copying: $0.bytes) }
      return TensorView(
        description: tensors[index], storage: storage, byteRange: 0..<storage.count)
    }

    func side() throws -> DiffSide {
      try DiffSide(
        ReadModel(
          Checkpoint(path: "w", format: .safetensors, source: self, metadata: JSONObject())))
    }
  }

  @Test(arguments: [1e151, 1e200, 1e308], [false, true])
  func changesTooLargeToSquareHaveNoRank(size: Double, ranksAll: Bool) throws {
    let a = (0..<1600).map { size * sin(Double($0)) }
    let b = (0..<1600).map { size * cos(Double(3 * $0)) }
    let diff = try ModelDiff(
      try Doubles(values: a).side(), try Doubles(values: b).side(), ranksAll: ranksAll)
    #expect(diff.ranks.isEmpty == (size > 1e151))
    #expect(diff.pairs.map(\.state) == [.changed])
    #expect(diff.pairs[0].difference?.maxAbs.isFinite == (size < 1e308))
    #expect(!diff.verdict.sentence.contains("nan"))
  }

  /// Of one component that was trained from nothing, however little of the model it is.
  @Test func aComponentOfOtherOriginIsUnrelated() throws {
    let original = try ModelEdit("families/sd15.safetensors")
    var edited = original
    edited.change(where: { $0.hasPrefix("cond_stage_model.") && $0.hasSuffix(".weight") }) {
      values, generator in
      for index in values.indices { values[index] = 0.1 * generator.normal() }
    }
    let verdict = try ModelDiff(original.side(), edited.side()).verdict
    #expect(verdict.kind == .unrelated, "\(verdict.sentence)")
    #expect(verdict.sentence.contains("in text_encoder (cosine "))
    #expect(verdict.sentence.hasSuffix("; vae and unet are the same"))
  }
}
