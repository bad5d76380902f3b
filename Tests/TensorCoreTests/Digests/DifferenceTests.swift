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
