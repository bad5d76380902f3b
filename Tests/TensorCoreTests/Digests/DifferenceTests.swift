import Foundation
import Testing

@testable import TensorCore

/// The difference of two lists of numbers that are stored as they are.
private func difference<A: BitwiseCopyable, B: BitwiseCopyable>(
  _ a: [A], _ typeA: ElementType, _ b: [B], _ typeB: ElementType,
  tolerance: Tolerance = Tolerance(),
  using set: Processor.InstructionSet = Processor.instructionSet
) -> TensorDifference? {
  var accumulator = DifferenceAccumulator(typeA, typeB, tolerance: tolerance, using: set)
  a.withUnsafeBytes { a in b.withUnsafeBytes { b in accumulator?.update(a.bytes, b.bytes) } }
  return accumulator?.difference
}

/// Floats in another type.
private func stored(_ values: [Float], as type: ElementType) -> [UInt8] {
  values.withUnsafeBytes { ElementConversion.convert($0.bytes, from: .float32, to: type) }
}

@Suite struct DifferenceTests {
  @Test func knownFigures() throws {
    let found = try #require(
      difference([3, 0, -4, 1] as [Float], .float32, [3, 3, -4, -3] as [Double], .float64))
    #expect(found.count == 4 && found.finiteCount == 4 && found.changedCount == 2)
    #expect(found.maxAbs == 4 && found.meanAbs == 7.0 / 4)
    #expect(found.rootMeanSquare == (25.0 / 4).squareRoot())
    #expect(found.relativeNorm == (25.0 / 26).squareRoot())
    #expect(found.cosineSimilarity == 22.0 / (26.0.squareRoot() * 43.0.squareRoot()))
    #expect(found.changedFraction == 0.5)
    #expect(!found.isSameBytes)
  }

  @Test func nonFiniteValuesAreCountedAndPoisonNothing() throws {
    let a: [Float] = [.nan, .nan, .infinity, .infinity, -.infinity, 1, 2]
    let b: [Float] = [-.nan, 1, .infinity, -.infinity, 5, .nan, 4]
    for set in Processor.InstructionSet.allCases where set <= Processor.supported {
      let found = try #require(difference(a, .float32, b, .float32, using: set))
      #expect(found.finiteCount == 1)
      #expect(found.nonFiniteCountA == 5 && found.nonFiniteCountB == 4)
      #expect(found.nonFiniteChangedCount == 4 && found.changedCount == 5)
      #expect(found.beyondCount == 5)
      #expect(found.maxAbs == 2 && found.sumSquaresA == 4 && found.sumSquaresB == 16)
    }
  }

  @Test func nothingToCompareHasNoMean() throws {
    let found = try #require(difference([Float](), .float32, [Float](), .float32))
    #expect(found.meanAbs == nil && found.rootMeanSquare == nil && found.cosineSimilarity == nil)
    #expect(found.relativeNorm == 0 && found.changedFraction == 0 && found.isSameBytes)
    #expect(
      difference([0, 0] as [Float], .float32, [0, 1] as [Float], .float32)?.relativeNorm
        == .infinity)
  }

  @Test func signsOfZeroAreSameValuesAndOtherBytes() throws {
    let found = try #require(
      difference([0, 1] as [Float], .float32, [-0.0, 1] as [Float], .float32))
    #expect(found.changedCount == 0 && !found.isSameBytes)
    #expect(
      difference([0, 1] as [Float], .float32, [0, 1] as [Float], .float32)?.isSameBytes == true)
    #expect(difference([1] as [Float], .float32, [1] as [Double], .float64)?.isSameBytes == false)
  }

  @Test func toleranceIsOfTheFirstValue() throws {
    let (a, b): ([Float], [Float]) = ([100, 100, 1, -1], [101, 102.5, 1.5, -0.75])
    let both = Tolerance(absolute: 0.25, relative: 0.02)
    #expect(difference(a, .float32, b, .float32, tolerance: both)?.beyondCount == 2)
    #expect(difference(a, .float32, b, .float32)?.beyondCount == 4)
  }

  @Test func wholeNumbersBeyondDoublesAreToldApart() throws {
    let big = Int64(1) << 60
    let found = try #require(difference([big, 7], .int64, [big + 1, 7], .int64))
    #expect(found.changedCount == 1 && found.beyondCount == 1 && !found.isSameBytes)
  }

  @Test func everyPairOfTypesWithKnownValuesIsCompared() throws {
    var generator = SplitMix(state: 3)
    let bytes = (0..<256 * 292).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    for a in ElementType.allCases {
      for b in ElementType.allCases {
        let known = [a, b].allSatisfy { $0.blockElements == 1 || $0.isGGMLBlock }
        let complex = [a, b].count { $0 == .complex64 || $0 == .complex128 }
        let x = Array(bytes.prefix(a.byteCount(of: 512)))
        let y = Array(bytes.suffix(b.byteCount(of: 512)))
        let found = difference(x, a, y, b)
        #expect((found != nil) == (known && complex != 1), "\(a) \(b)")
        #expect(found.map { $0.count == 512 << (complex / 2) } ?? true)
      }
    }
  }

  @Test func sameBitsOnEveryPathAndHoweverRunsAreCut() throws {
    var generator = SplitMix(state: 7)
    let bytes = (0..<2 * 65_544).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    for type in ElementType.allCases where type.blockElements == 1 {
      let (x, y) = (Array(bytes.prefix(65_536)), Array(bytes.suffix(65_536)))
      let reference = try #require(difference(x, type, y, type, using: .portable))
      for set in Processor.InstructionSet.allCases where set <= Processor.supported {
        #expect(difference(x, type, y, type, using: set) == reference)
      }
      var cut = try #require(DifferenceAccumulator(type, type))
      let step = type.byteCount(of: DifferenceAccumulator.blockElements)
      x.withUnsafeBytes { x in
        y.withUnsafeBytes { y in
          for start in stride(from: 0, to: 65_536, by: step) {
            let range = start..<min(start + step, 65_536)
            cut.update(x.bytes.extracting(range), y.bytes.extracting(range))
          }
        }
      }
      #expect(cut.difference == reference)
    }
  }

  @Test func addingPartsIsTheWhole() throws {
    var sum = TensorDifference()
    let parts = [([1, 2] as [Float], [1, 2.5] as [Float]), ([.nan, 4], [1, 4])]
    for (a, b) in parts { sum.add(try #require(difference(a, .float32, b, .float32))) }
    var whole = try #require(
      difference([1, 2, .nan, 4] as [Float], .float32, [1, 2.5, 1, 4] as [Float], .float32))
    #expect(sum.roundings == [])
    whole.roundings = []
    #expect(sum == whole)
  }

  @Test func digestEqualTensorsHaveTheFiguresOfTheirStatistics() throws {
    let values = (0..<1000).map { Float(sin(Double($0))) } + [.nan]
    let bytes = stored(values, as: .float32)
    let known = TensorDifference(
      same: TensorStatistics(of: bytes.span.bytes, type: .float32), count: 1001)
    let read = try #require(difference(values, .float32, values, .float32))
    #expect(known.finiteCount == 1000 && known.nonFiniteCountB == 1 && known.isSameBytes)
    #expect(abs(known.sumSquaresA - read.sumSquaresA) < 1e-9 * read.sumSquaresA)
    #expect(known.cosineSimilarity == 1 && known.relativeNorm == 0)
  }
}

@Suite struct RoundingTests {
  private static let values = (0..<9000).map { Float(sin(Double($0) * 0.37)) * Float($0 % 7) }

  @Test(arguments: [ElementType.float16, .bfloat16, .q80, .q41])
  func storedInAnotherTypeIsARounding(type: ElementType) throws {
    let values = Array(Self.values.prefix(8192))
    let rounded = stored(values, as: type)
    let found = try #require(difference(values, .float32, rounded, type))
    #expect(found.roundings?.contains(.to(type)) == true)
    let back = try #require(difference(rounded, type, values, .float32))
    #expect(back.roundings?.contains(.from(type)) == true)
  }

  @Test func throughASmallerTypeAndBackIsARounding() throws {
    let half = stored(Self.values, as: .float16)
    let through = ElementConversion.convert(
      ElementConversion.convert(half.span.bytes, from: .float16, to: .bfloat16).span.bytes,
      from: .bfloat16, to: .float16)
    #expect(difference(half, .float16, through, .float16)?.roundings == [.to(.bfloat16)])
    #expect(difference(through, .float16, half, .float16)?.roundings == [.from(.bfloat16)])
    let wide = stored(Self.values, as: .float64)
    let narrow = ElementConversion.convert(
      stored(Self.values.map { $0 + 1e-9 }, as: .float16).span.bytes, from: .float16, to: .float64)
    #expect(difference(wide, .float64, narrow, .float64)?.roundings == [.to(.float16)])
  }

  @Test func twoRoundingsOfOneTensorAreTold() throws {
    let (half, brain) = (
      stored(Self.values, as: .float16), stored(Self.values, as: .bfloat16)
    )
    #expect(difference(half, .float16, brain, .bfloat16)?.roundings?.contains(.both) == true)
    var other = Self.values
    other[4000] *= 1.01
    let changed = stored(other, as: .bfloat16)
    #expect(difference(half, .float16, changed, .bfloat16)?.roundings == [])
  }

  @Test(arguments: [ElementType.float8E4M3FN, .float8E5M2])
  func floatsOfOneByteAreRoundingsOfWhatIsNearest(type: ElementType) throws {
    let table = ByteValues.table(of: type)
    // By search: the nearest finite value, of two the one with an even code.
    let codes = Self.values.map { value -> UInt8 in
      let finite = (0..<256).filter { table[$0].isFinite && $0 != 0x80 }
      let best = finite.min { left, right in
        let (x, y) = ((table[left] - value).magnitude, (table[right] - value).magnitude)
        return x != y ? x < y : left % 2 < right % 2
      }
      return UInt8(best ?? 0)
    }
    #expect(difference(Self.values, .float32, codes, type)?.roundings?.contains(.to(type)) == true)
    var other = codes
    other[77] ^= 1
    #expect(difference(Self.values, .float32, other, type)?.roundings == [])
  }

  /// The codes of the nearest numbers in a float of one byte.
  private static func codes(_ values: [Float], _ type: ElementType) -> [UInt8] {
    let table = ByteValues.table(of: type)
    let finite = (0..<128).filter { table[$0].isFinite }
    return values.map { value in
      let size = value.magnitude
      let above = finite.first { table[$0] >= size } ?? finite.count - 1
      let below = max(above - 1, 0)
      let (up, down) = (table[above] - size, size - table[below])
      let code = up == down ? (above % 2 == 0 ? above : below) : up < down ? above : below
      return UInt8(code) | (value < 0 ? 0x80 : 0)
    }
  }

  private static func cast(_ values: [Float], as type: ElementType) -> [UInt8] {
    stored(values, as: type)
  }

  /// Numbers that went through a smaller type and back into what they were stored in.
  private static func restored(
    _ values: [Float], _ stored: ElementType, through type: ElementType
  ) -> (before: [UInt8], after: [UInt8]) {
    let before = Self.cast(values, as: stored)
    let floats = ElementConversion.floats(before.span.bytes, type: stored)
    let small =
      type.isEncodable ? Self.cast(floats, as: type) : codes(floats, type)
    let after = ElementConversion.convert(small.span.bytes, from: type, to: stored)
    return (before, after)
  }

  @Test(
    arguments: [ElementType.float16, .bfloat16, .float32, .float64],
    [ElementType.float8E4M3FN, .float8E5M2, .q80, .q40, .q41, .q50, .q51])
  func throughATypeThatDoesNotShowIsARounding(stored: ElementType, type: ElementType) throws {
    let values = Array(Self.values.prefix(8192))
    let (before, after) = Self.restored(values, stored, through: type)
    let found = try #require(difference(before, stored, after, stored))
    #expect(found.roundings?.contains(.to(type)) == true)
    #expect(found.roundings?.narrowest == type)
    let back = try #require(difference(after, stored, before, stored))
    #expect(back.roundings?.contains(.from(type)) == true)
    // One number more that changed, or that the type does not hold.
    var other = after
    let width = stored.blockBytes
    other[(5000 + 1) * width - 1] ^= 1
    #expect(difference(before, stored, other, stored)?.roundings == [])
  }

  /// What trained weights become by setting small ones to zero went through no type.
  @Test func prunedWeightsAreNoRounding() throws {
    let values = Self.values.map { $0 / 7 }
    let pruned = values.map { $0.magnitude < 0.0009 ? 0 : $0 }
    #expect(difference(values, .float32, pruned, .float32)?.roundings == [])
  }

  private static let masters: [(ElementType, ElementType)] = [
    (.float16, .float8E4M3FN), (.float16, .float8E5M2), (.bfloat16, .float8E4M3FN),
    (.bfloat16, .float8E5M2), (.float8E4M3FN, .float8E5M2), (.float16, .bfloat16),
  ]

  /// Two roundings of one tensor are told, in whatever types both are stored.
  @Test(arguments: masters.indices, [nil, .float32, .float16] as [ElementType?])
  func twoRoundingsOfOneTensorAreToldInAnyTypes(pair: Int, stored: ElementType?) throws {
    // Small ones too, of which f16 holds fewer digits than bf16.
    let values = Self.values.map { $0 * 0.3 } + Self.values.map { $0 * 2e-6 }
    func rounded(_ values: [Float], _ type: ElementType, _ stored: ElementType?) -> [UInt8] {
      let small = type.isEncodable ? Self.cast(values, as: type) : Self.codes(values, type)
      guard let stored else { return small }
      return ElementConversion.convert(small.span.bytes, from: type, to: stored)
    }
    let (first, second) = Self.masters[pair]
    let x = rounded(values, first, nil)
    let found = try #require(
      difference(x, first, rounded(values, second, stored), stored ?? second))
    #expect(found.roundings?.isEmpty == false)
    let back = try #require(
      difference(rounded(values, second, stored), stored ?? second, x, first))
    #expect(back.roundings?.isEmpty == false)
    var other = values
    other[4001] *= 2.5
    let changed = try #require(
      difference(x, first, rounded(other, second, stored), stored ?? second))
    #expect(changed.roundings == [])
  }

  @Test func aGridTellsWhatRoundsToANumber() throws {
    let half = try #require(FloatGrid(.float16))
    #expect(half.range(of: 1, storedIn: nil) == 1 - 0x1p-12...1 + 0x1p-11)
    #expect(half.range(of: 0, storedIn: nil) == -0x1p-25...0x1p-25)
    #expect(half.range(of: 1 + 0x1p-11, storedIn: nil) == nil)
    let odd = 1 + 0x1p-10
    #expect(
      half.range(of: -odd, storedIn: nil)
        == -(odd + 0x1p-11).nextDown ... -(odd - 0x1p-11).nextUp)
    #expect(half.range(of: .infinity, storedIn: nil) == 65504 ... .infinity)
    #expect(half.range(of: .nan, storedIn: nil) == nil)
    let byte = try #require(FloatGrid(.float8E4M3FN))
    #expect(byte.range(of: 448, storedIn: nil) == 432 ... .infinity)
    #expect(byte.range(of: 512, storedIn: nil) == nil && byte.range(of: 0.3, storedIn: nil) == nil)
    // Of a bf16 that f16 holds with fewer digits.
    let brain = try #require(FloatGrid(.bfloat16))
    #expect(brain.range(of: 0x1p-24, storedIn: half)?.contains(0x1.7p-24) == true)
    #expect(brain.range(of: 0x1p-24, storedIn: nil)?.contains(0x1.7p-24) == false)
  }

  @Test func aSmallChangeIsNoRounding() throws {
    var changed = Self.values
    changed[8999] += 0.125
    #expect(difference(Self.values, .float32, changed, .float32)?.roundings == [])
    #expect(difference(Self.values, .float32, Self.values, .float32)?.roundings == nil)
    let infinite = stored([70000, 1], as: .float16)
    let found = difference([70000, 1] as [Float], .float32, infinite, .float16)
    #expect(found?.roundings?.contains(.to(.float16)) == true)
    #expect(found?.nonFiniteChangedCount == 1)
  }
}
