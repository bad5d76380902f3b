import Checkpoints
import Conversion
import Foundation
import Inspection
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Float8 with scales beside it against what it was made of: `Fixtures/quantised`, by torch.
@Suite struct ScaledDiffTests {
  private static func read(_ name: String) throws -> ReadModel {
    try ModelReader.open(path: FixtureFile.path("quantised/\(name).safetensors"))
  }

  private static func diff(_ a: String, _ b: String) throws -> ModelDiff {
    try ModelDiff(try DiffSide(read(a)), try DiffSide(read(b)))
  }

  private static func expected(_ name: String, _ component: String) throws -> JSON {
    let file = URL(filePath: FixtureFile.path("quantised/differences.json"))
    return try #require(try JSON(parsing: Array(Data(contentsOf: file)))[name]?[component])
  }

  @Test(arguments: ["scaled", "scaled-rows"], ["unet", "text_encoder", "text_encoder_2"])
  func figuresAreThoseOfTheProducts(name: String, component: String) throws {
    let expected = try Self.expected(name, component)
    let group = try #require(
      try Self.diff("original", name).components.first { $0.title == component })
    let difference = group.difference
    func figure(_ key: String) throws -> Double { try #require(expected[key]?.doubleValue) }
    #expect(difference.count == expected["values"]?.intValue)
    #expect(difference.changedCount == expected["changed"]?.intValue)
    let pairs = [
      (difference.maxAbs, try figure("max_abs")), (difference.meanAbs ?? 0, try figure("mean_abs")),
      (difference.sumSquares.squareRoot(), try figure("norm")),
      (difference.sumSquaresA.squareRoot(), try figure("norm_a")),
      (difference.sumSquaresB.squareRoot(), try figure("norm_b")),
      (difference.cosineSimilarity ?? 0, try figure("cosine")),
    ]
    for (found, wanted) in pairs { #expect(abs(found - wanted) <= 1e-12 * abs(wanted)) }
  }

  @Test(arguments: [("scaled", "f8_e4m3fn"), ("scaled-rows", "f8_e5m2")])
  func theSameWeightsReencodedAreCalledSo(name: String, type: String) throws {
    for (a, b) in [("original", name), (name, "original")] {
      let diff = try Self.diff(a, b)
      #expect(diff.verdict.kind == .reencoded, "\(diff.verdict.sentence)")
      #expect(diff.verdict.sentence.contains("rounded through \(type)"))
      let scaled = diff.pairs.filter { ($0.scaledTypeA ?? $0.scaledTypeB) != nil }
      #expect(scaled.count > 50 && scaled.allSatisfy { $0.isRetyped && $0.state == .rounded })
      #expect(scaled.allSatisfy { [$0.typeA, $0.typeB].contains("\(type) scaled") })
    }
  }

  @Test(arguments: ["scaled", "scaled-rows"])
  func aFileIsIdenticalToItself(name: String) throws {
    #expect(try Self.diff(name, name).verdict.kind == .identical)
  }

  /// What one scale more makes of a weight is no rounding of it.
  @Test func anotherScaleIsAChange() throws {
    var edit = try ModelEdit("quantised/scaled.safetensors")
    edit.change(where: { $0.hasSuffix("time_embed.0.scale_weight") }) { values, _ in
      values[0] *= 1.5
    }
    let diff = try ModelDiff(try DiffSide(Self.read("original")), try edit.side())
    #expect(
      diff.pairs.filter { $0.state == .changed }.map(\.name) == [
        "unet.time_embedding.linear_1.weight"
      ])
    let same = try ModelDiff(try DiffSide(Self.read("scaled")), try edit.side())
    #expect(
      same.pairs.filter { !$0.isIdentical }.map(\.name) == [
        "unet.time_embedding.linear_1.weight"
      ])
  }

  /// Of MXFP8, NF4 and the like bytes are compared, and numbers with nothing.
  @Test func whatCannotBeUnpackedHasNoFigures() throws {
    let packed = try Self.diff("packed", "packed")
    #expect(packed.verdict.kind == .identical)
    var plain = try ModelEdit("quantised/packed.safetensors")
    let name = "double_blocks.0.mxfp8.weight"
    let values = (0..<512).map { Float($0) }
    plain.remove { $0.hasPrefix("double_blocks.0.mxfp8.") }
    plain.add(TensorDescription(name: name, elementType: .float16, shape: [8, 64]), values)
    let diff = try ModelDiff(try DiffSide(Self.read("packed")), try plain.side())
    let pair = try #require(diff.pairs.first { $0.name == name })
    #expect(pair.packedForm == .mxfp8 && pair.difference == nil && pair.state == .changed)
    #expect(
      diff.verdict.sentence.contains("1 stored in a form of which bytes alone are compared"))
    #expect(!diff.isEqual)
    let grams = try ModelGrams([Self.read("packed"), plain.read])
    #expect(grams.unshared.contains(name))
  }

  @Test func aScaleThatDoesNotFitIsRefusedWithItsFile() throws {
    var edit = try ModelEdit("quantised/scaled.safetensors")
    let name = "model.diffusion_model.time_embed.0.scale_weight"
    edit.replace(name, shape: [3], with: [1, 2, 3])
    let error = try #require(throws: LayoutError.self) { try edit.side() }
    #expect(error.description.hasPrefix("edited: tensor '\(name)' is f32 [3], expected one value"))
  }

  @Test func lineageMeasuresTheProducts() throws {
    let grams = try ModelGrams([Self.read("original"), Self.read("scaled")])
    let unet = try #require(grams.components.first { $0.name == "unet" }).gram
    let norm = try #require(try Self.expected("scaled", "unet")["norm"]?.doubleValue)
    #expect(abs(unet.distance(0, 1) - norm) < 1e-4 * norm)
  }
}
