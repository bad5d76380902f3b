import Checkpoints
import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Inspection

/// Models with a known history: random weights of two blocks, fine-tuned, merged, rounded.
@Suite struct LineageTests {
  private let scratch: ScratchFolder
  private static let names = ["unet.a.0.w", "unet.a.0.v", "unet.b.0.w"]
  private static let size = 20_000

  init() throws { scratch = try ScratchFolder() }

  /// Weights by tensor.
  private typealias Weights = [[Float]]

  private static func noise(_ seed: UInt64, scale: Float) -> Weights {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return names.map { _ in
      (0..<size).map { _ in
        // The sum of four uniform numbers is near enough to a normal one.
        let sum = (0..<4).reduce(Float(0)) { sum, _ in
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
          return sum + Float(state >> 40) / Float(1 << 24) - 0.5
        }
        return scale * sum
      }
    }
  }

  private static func sum(_ parts: [(Float, Weights)]) -> Weights {
    names.indices.map { tensor in
      (0..<size).map { place in
        parts.reduce(Float(0)) { $0 + $1.0 * $1.1[tensor][place] }
      }
    }
  }

  private func lineage(
    _ models: [Weights], halves: Bool = false, names: [String] = names, bytes: Set<Int> = []
  ) throws -> Lineage {
    let opened = try models.enumerated().map { number, weights in
      let path = scratch.path("\(number).safetensors")
      let isBytes = bytes.contains(number)
      let type: ElementType = isBytes ? .float8E4M3FN : halves ? .float16 : .float32
      var writer = try SafetensorsWriter(path: path)
      let tensors = names.map {
        TensorDescription(name: $0, elementType: type, shape: [100, 200])
      }
      try writer.begin(tensors: tensors, metadata: [:])
      for (tensor, values) in zip(tensors, weights) {
        let bytes = values.flatMap { value -> [UInt8] in
          if isBytes { return [Self.code(value)] }
          let bits = halves ? UInt32(Float16(value).bitPattern) : value.bitPattern
          return (0..<(halves ? 2 : 4)).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
        }
        try writer.append(
          TensorView(
            description: tensor, storage: ByteStorage(copying: bytes.span.bytes),
            byteRange: 0..<bytes.count))
      }
      try writer.finish()
      return try ModelReader.open(path: path)
    }
    return Lineage(try ModelGrams(opened))
  }

  /// The code of the nearest e4m3 number.
  private static func code(_ value: Float) -> UInt8 {
    let step = Float(sign: .plus, exponent: max(value.exponent, -6) - 3, significand: 1)
    return codes[(value / step).rounded(.toNearestOrEven) * step] ?? 0
  }

  private static let codes = Dictionary(
    zip(
      ElementConversion.floats(Array(UInt8.min...UInt8.max).span.bytes, type: .float8E4M3FN),
      UInt8.min...UInt8.max
    ).filter { !$0.0.isNaN }, uniquingKeysWith: { first, _ in first })

  private static let base = noise(1, scale: 1)
  private static let a = sum([(1, base), (1, noise(2, scale: 0.05))])
  private static let b = sum([(1, base), (1, noise(3, scale: 0.05))])
  private static let c = sum([(1, base), (1, noise(4, scale: 0.08))])

  @Test func distancesAreThoseOfTheWeights() throws {
    let total = try lineage([Self.base, Self.a, Self.c]).grams.total
    func norm(_ weights: Weights) -> Double {
      weights.joined().reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    for (number, weights) in [Self.base, Self.a, Self.c].enumerated() {
      #expect(abs(total.norm(number) / norm(weights) - 1) < 1e-6)
    }
    let difference = Self.sum([(1, Self.a), (-1, Self.c)])
    #expect(abs(total.distance(1, 2) / norm(difference) - 1) < 1e-5)
    #expect(total.elementCount == 60_000)
  }

  @Test func componentsAndCosinesAreTold() throws {
    let lineage = try lineage([Self.base, Self.a, Self.base])
    let components = lineage.grams.components
    #expect(components.map(\.name) == ["unet"])
    #expect(components.first?.gram == lineage.grams.total)
    func product(_ x: Weights, _ y: Weights) -> Double {
      zip(x.joined(), y.joined()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let expected =
      product(Self.base, Self.a)
      / (product(Self.base, Self.base) * product(Self.a, Self.a)).squareRoot()
    let total = lineage.grams.total
    #expect(total.cosine(0, 1).map { abs($0 - expected) < 1e-6 } == true)
    #expect(total.cosine(0, 2) == 1 && total.cosine(1, 0) == total.cosine(0, 1))
    let nothing = Self.base.map { $0.map { _ in Float(0) } }
    #expect(try self.lineage([nothing, Self.a]).grams.total.cosine(0, 1) == nil)
    let json = lineage.json
    #expect(json["cosines"]?.arrayValue?.count == 3)
    #expect(json["components"]?.arrayValue?.first?["distances"] == json["distances"])
  }

  @Test func theBaseIsWhereOthersWentFrom() throws {
    for place in 0..<3 {
      var models = [Self.a, Self.b, Self.c]
      models.insert(Self.base, at: place)
      guard case .model(let found, let cosine) = try lineage(models, halves: true).base else {
        Issue.record("no base at \(place)")
        continue
      }
      #expect(found == place)
      #expect(abs(cosine) < 0.02)
    }
  }

  /// Without the other parent a merge lies between models, and is no base of theirs.
  @Test func aMergeWithoutAParentIsNoBase() throws {
    let merge = Self.sum([(0.7, Self.a), (0.3, Self.b)])
    let found = try lineage([Self.a, Self.c, merge], halves: true)
    #expect(found.base == .unknown("no model lies between the others"))
    #expect(found.merges.isEmpty)
  }

  @Test func whatDiffersByARoundingTellsNothing() throws {
    let near = Self.sum([(1, Self.a), (1, Self.noise(9, scale: 1e-4))])
    let between = Self.sum([(0.5, Self.a), (0.5, near)])
    let found = try lineage([Self.a, near, between], halves: true)
    #expect(found.base == .unknown("some differ by no more than rounding"))
    #expect(found.merges.isEmpty)
  }

  @Test(arguments: [[0.7, 0.3], [0.5, 0.5], [0.95, 0.05]])
  func theRatiosOfAWeightedSumAreFound(ratios: [Float]) throws {
    let merge = Self.sum([(ratios[0], Self.a), (ratios[1], Self.b)])
    let found = try lineage([Self.a, Self.b, Self.base, merge], halves: true).merges
    #expect(found.map(\.model) == [3])
    let whole = try #require(found.first?.whole)
    #expect(whole.parents == [0, 1])
    for (x, y) in zip(whole.ratios, ratios) { #expect(abs(x - Double(y)) < 0.01) }
    #expect(found.first?.isUniform == true)
  }

  @Test func threeParentsAndSumsOfDifferencesAreFound() throws {
    let three = Self.sum([(0.5, Self.a), (0.2, Self.b), (0.3, Self.c)])
    let found = try lineage([Self.a, Self.b, Self.c, three]).merges
    #expect(found.map(\.model) == [3])
    for (x, y) in zip(found.first?.whole.ratios ?? [], [0.5, 0.2, 0.3]) {
      #expect(abs(x - y) < 1e-3)
    }
    let added = Self.sum([(1, Self.a), (0.6, Self.b), (-0.6, Self.base)])
    let difference = try lineage([added, Self.base, Self.a, Self.b]).merges
    #expect(difference.map(\.model) == [0])
    #expect(difference.first?.whole.parents == [1, 2, 3])
    for (x, y) in zip(difference.first?.whole.ratios ?? [], [-0.6, 1, 0.6]) {
      #expect(abs(x - y) < 1e-3)
    }
  }

  @Test func eachBlockHasItsOwnRatio() throws {
    var merge = Self.sum([(0.2, Self.a), (0.8, Self.b)])
    merge[2] = Self.sum([(0.7, Self.a), (0.3, Self.b)])[2]
    let found = try #require(try lineage([Self.a, merge, Self.b], halves: true).merges.first)
    #expect(found.model == 1)
    #expect(!found.isUniform)
    #expect(found.blocks.map(\.name) == ["unet.a.0", "unet.b.0"])
    for (block, ratio) in zip(found.blocks, [0.2, 0.7]) {
      let first = try #require(block.solution?.ratios.first)
      #expect(abs(first - ratio) < 0.01)
    }
  }

  /// Merges by block weigh each layer of a level by itself.
  @Test func layersOfALevelAreToldWhereTheyDiffer() throws {
    let names = [
      "unet.down_blocks.1.resnets.0.conv1.weight", "unet.down_blocks.1.attentions.1.proj_in.weight",
      "unet.mid_block.resnets.0.conv1.weight",
    ]
    var merge = Self.sum([(0.2, Self.a), (0.8, Self.b)])
    let even = try #require(
      try lineage([Self.a, Self.b, merge], names: names).merges.first)
    #expect(even.blocks.map(\.name) == ["unet.down_blocks.1", "unet.mid_block"])
    merge[1] = Self.sum([(0.6, Self.a), (0.4, Self.b)])[1]
    let found = try #require(
      try lineage([Self.a, Self.b, merge], halves: true, names: names).merges.first)
    #expect(
      found.blocks.map(\.name) == [
        "unet.down_blocks.1.0", "unet.down_blocks.1.1", "unet.mid_block",
      ])
    for (block, ratio) in zip(found.blocks, [0.2, 0.6, 0.2]) {
      let solution = try #require(block.solution)
      #expect(abs(solution.ratios[0] - ratio) < 0.01 && solution.residual < 0.05)
    }
    #expect(found.blockResidual < 0.05)
  }

  /// Parents a few roundings apart: the sum leaves most of the distance, all of it by rounding.
  @Test(arguments: [0.5, 0.4])
  func theMergeOfCloseParentsIsFoundThroughRounding(ratio: Float) throws {
    let close = Self.sum([(1, Self.a), (1, Self.noise(9, scale: 2e-3))])
    let merge = Self.sum([(1 - ratio, Self.a), (ratio, close)])
    let found = try #require(try lineage([Self.a, close, merge], halves: true).merges.first)
    #expect(found.model == 2 && found.whole.residual > 0.2)
    #expect(abs(found.whole.ratios[1] - Double(ratio)) < 0.02)
    // As much of a change of its own is no merge.
    let own = Self.sum([
      (1, Self.a), (0.4, Self.noise(9, scale: 2e-3)), (1, Self.noise(5, scale: 2e-3)),
    ])
    #expect(try lineage([Self.a, close, own], halves: true).merges.isEmpty)
  }

  /// Norms grow from parent to child: the first of a chain is the base, not the one between.
  @Test func theFirstOfAChainIsTheBase() throws {
    let tuned = Self.sum([(1, Self.a), (1, Self.noise(7, scale: 0.06))])
    guard case .model(let found, _) = try lineage([Self.a, tuned, Self.base]).base else {
      Issue.record("no base")
      return
    }
    #expect(found == 2)
    let merge = Self.sum([(0.5, Self.a), (0.2, Self.b), (0.3, Self.c)])
    guard case .model(let other, _) = try lineage([merge, Self.base, Self.a, Self.b]).base else {
      Issue.record("no base beside a merge without a parent")
      return
    }
    #expect(other == 1)
  }

  /// A merge that was trained on is no base of its parents, although it lies between them.
  @Test func aTrainedMergeIsNoBase() throws {
    let merge = Self.sum([(0.7, Self.a), (0.3, Self.b), (1, Self.noise(8, scale: 0.04))])
    let found = try lineage([Self.a, Self.b, merge])
    #expect(found.base == .unknown("no model lies between the others"))
    #expect(found.merges.isEmpty)
  }

  @Test func manyParentsAreFound() throws {
    let d = Self.sum([(1, Self.base), (1, Self.noise(6, scale: 0.06))])
    let merge = Self.sum([(0.4, Self.a), (0.3, Self.b), (0.2, Self.c), (0.1, d)])
    let found = try lineage([Self.base, Self.a, Self.b, Self.c, d, merge]).merges
    #expect(found.map(\.model) == [5])
    #expect(found.first?.whole.parents == [1, 2, 3, 4])
    for (x, y) in zip(found.first?.whole.ratios ?? [], [0.4, 0.3, 0.2, 0.1]) {
      #expect(abs(x - y) < 1e-2)
    }
  }

  /// Of the corners of a parallelogram each is a sum of the others: the result is the longest.
  @Test func theSumOfTwoWholeDifferencesIsTheResult() throws {
    let added = Self.sum([(1, Self.a), (1, Self.c), (-1, Self.base)])
    for models in [[Self.base, Self.a, Self.c, added], [added, Self.c, Self.base, Self.a]] {
      let found = try lineage(models).merges
      #expect(found.map { models[$0.model] == added } == [true])
    }
  }

  @Test func whatNobodyCanTellIsNotTold() throws {
    // Two models; unrelated ones; a merge whose parent is missing; parents that rounding made.
    let pair = try lineage([Self.a, Self.b])
    #expect(pair.merges.isEmpty)
    #expect(pair.base == .unknown("fewer than three models that are no merges of the others"))
    let other = Self.noise(9, scale: 1)
    let strangers = try lineage([Self.a, Self.b, other])
    #expect(strangers.base == .unknown("some have nothing in common"))
    #expect(strangers.merges.isEmpty)
    let orphan = Self.sum([(0.6, Self.a), (0.4, Self.c)])
    #expect(try lineage([Self.a, Self.b, orphan]).merges.isEmpty)
    let twin = Self.sum([(1, Self.a), (1, Self.noise(5, scale: 1e-5))])
    let middle = Self.sum([(0.5, Self.a), (0.5, twin)])
    #expect(try lineage([Self.a, twin, middle], halves: true).merges.isEmpty)
  }

  @Test func equalModelsAreSaidToBe() throws {
    let found = try lineage([Self.a, Self.b, Self.a])
    #expect(found.equal.count == 1)
    #expect(found.equal.first?.0 == 0 && found.equal.first?.1 == 2)
    #expect(found.tree.count == 2)
  }

  @Test func valuesThatAreNotFinitePoisonNothing() throws {
    var damaged = Self.b
    damaged[0][7] = .nan
    damaged[1][9] = .infinity
    let merge = Self.sum([(0.7, Self.a), (0.3, Self.b)])
    let found = try lineage([Self.a, damaged, merge])
    #expect(found.grams.total.nonFiniteCount == 2)
    #expect(found.merges.first?.model == 2)
    #expect(found.merges.first.map { abs($0.whole.ratios[0] - 0.7) < 1e-3 } == true)
  }

  /// The rounding of one model explains nothing of others.
  @Test func aModelInFloat8MakesNoMergesOfOthers() throws {
    let b = Self.sum([(1, Self.base), (1, Self.noise(3, scale: 0.045))])
    let a = Self.sum([(1, Self.base), (1, Self.noise(2, scale: 0.045))])
    let c = Self.sum([(1, Self.base), (1, Self.noise(4, scale: 0.045))])
    for (last, isRounded) in [(a, true), (c, false)] {
      let found = try lineage([Self.base, a, b, last], halves: true, bytes: [3])
      #expect(found.merges.isEmpty)
      guard case .model(let model, _) = found.base else {
        Issue.record("no base: \(found.base)")
        continue
      }
      #expect(model == 0)
      #expect(found.rounded.map { [$0.0, $0.1] } == (isRounded ? [[1, 3]] : []))
    }
    #expect(try lineage([Self.base, a, b], bytes: [0]).merges.isEmpty)
    #expect(try lineage([Self.base, a, b], bytes: [1, 2]).merges.isEmpty)
  }

  @Test(arguments: [[0.5, 0.5], [0.6, 0.4]])
  func aMergeInFloat8IsFound(ratios: [Float]) throws {
    let merge = Self.sum([(ratios[0], Self.a), (ratios[1], Self.b)])
    for models in [[Self.a, Self.b, merge], [Self.a, Self.b, merge, Self.base]] {
      let found = try lineage(models, halves: true, bytes: [2]).merges
      #expect(found.map(\.model) == [2])
      #expect(found.first?.whole.parents == [0, 1])
      for (x, y) in zip(found.first?.whole.ratios ?? [], ratios) {
        #expect(abs(x - Double(y)) < 0.02)
      }
    }
  }

  @Test func aCopyWithoutANumberIsSaidToHaveOne() throws {
    var damaged = Self.base
    damaged[1][3] = .nan
    damaged[2][4] = -.infinity
    let found = try lineage([Self.base, damaged, Self.a])
    #expect(found.grams.total.nonFiniteCounts == [0, 2, 0])
    #expect(found.equal.map { [$0.0, $0.1] } == [[0, 1]])
    #expect(found.json["equal"] == [])
    #expect(found.json["non_finite_by_model"] == [0, 2, 0])
    // Of the first model too, from which differences are taken.
    #expect(try lineage([damaged, Self.a]).grams.total.nonFiniteCounts == [2, 0])
  }

  @Test func ofZerosNothingIsTold() throws {
    let zeros = Self.base.map { $0.map { _ in Float(0) } }
    let found = try lineage([zeros, Self.base, Self.a, Self.b])
    #expect(found.blank == [0])
    #expect(found.root == 1)
    guard case .model(1, _) = found.base else {
      Issue.record("no base: \(found.base)")
      return
    }
    #expect(found.grams.total.relativeDistance(0, 1) == .infinity)
    #expect(found.tree.filter { $0.distance == .infinity }.map(\.child) == [0])
    #expect(found.json["distances"]?.arrayValue?[1].arrayValue?[0] == .null)
  }

  @Test func aBlockTakenWholeHasNoOtherParent() throws {
    var merge = Self.sum([(0.3, Self.a), (0.7, Self.b)])
    merge[2] = Self.a[2]
    let found = try #require(try lineage([Self.a, Self.b, merge]).merges.first)
    #expect(found.blocks.map { $0.solution?.ratios ?? [] }.last == [1, 0])
    let swapped = try #require(try lineage([Self.b, Self.a, merge]).merges.first)
    #expect(swapped.blocks.map { $0.solution?.ratios ?? [] }.last == [0, 1])
  }
}
