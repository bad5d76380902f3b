import Foundation
import Testing

@testable import TensorCore

private func statistics<Number: BitwiseCopyable>(
  _ values: [Number], _ type: ElementType, using set: Processor.InstructionSet? = nil
) -> TensorStatistics? {
  values.withUnsafeBytes { bytes in
    guard let set else { return TensorStatistics(of: bytes.bytes, type: type) }
    var accumulator = StatisticsAccumulator(type: type, using: set)
    accumulator?.update(bytes.bytes)
    return accumulator?.statistics
  }
}

@Suite struct StatisticsTests {
  @Test func knownFigures() throws {
    let found = try #require(
      statistics([2, 4, 4, 4, 5, 5, 7, 9, .nan, .infinity, -.infinity] as [Float], .float32))
    #expect(
      found
        == TensorStatistics(
          minimum: 2, maximum: 9, mean: 5, standardDeviation: 2, zeroCount: 0, nonFiniteCount: 3))
    let zeros = try #require(statistics([0, -0.0, 1] as [Double], .float64))
    #expect(zeros.zeroCount == 2 && zeros.minimum == 0 && zeros.minimum.sign == .plus)
  }

  @Test func nothingFinite() throws {
    for values in [[], [Float.nan, .infinity]] {
      let found = try #require(statistics(values, .float32))
      #expect(found.minimum.isNaN && found.maximum.isNaN && found.mean.isNaN)
      #expect(found.standardDeviation.isNaN && found.nonFiniteCount == values.count)
    }
  }

  @Test func everyNumberType() throws {
    let expected = TensorStatistics(
      minimum: 0, maximum: 3, mean: 1.5, standardDeviation: 1.25.squareRoot(), zeroCount: 1,
      nonFiniteCount: 0)
    #expect(statistics([0, 1, 2, 3] as [UInt8], .uint8) == expected)
    #expect(statistics([0, 1, 2, 3] as [Int8], .int8) == expected)
    #expect(statistics([0, 1, 2, 3] as [UInt16], .uint16) == expected)
    #expect(statistics([0, 1, 2, 3] as [Int16], .int16) == expected)
    #expect(statistics([0, 1, 2, 3] as [UInt32], .uint32) == expected)
    #expect(statistics([0, 1, 2, 3] as [Int32], .int32) == expected)
    #expect(statistics([0, 1, 2, 3] as [UInt64], .uint64) == expected)
    #expect(statistics([0, 1, 2, 3] as [Int64], .int64) == expected)
    #expect(statistics([0, 1, 2, 3] as [Float16], .float16) == expected)
    #expect(statistics([0, 1, 2, 3] as [Double], .float64) == expected)
    #expect(statistics([0, 1, 2, 3] as [Float], .complex64) == expected)
    #expect(statistics([0, 1, 2, 3] as [Double], .complex128) == expected)
    #expect(statistics([0, 0x3F80, 0x4000, 0x4040] as [UInt16], .bfloat16) == expected)
    #expect(statistics([-128, 127] as [Int8], .int8)?.minimum == -128)
    #expect(statistics([0, 1, 255, 0] as [UInt8], .bool)?.mean == 0.5)
    // 0, 1, 2 and 3 in each float8 type; E8M0 has no 0 and no 3.
    #expect(statistics([0, 0x38, 0x40, 0x44] as [UInt8], .float8E4M3FN) == expected)
    #expect(statistics([0, 0x3C, 0x40, 0x42] as [UInt8], .float8E5M2) == expected)
    #expect(statistics([0, 0x40, 0x48, 0x4C] as [UInt8], .float8E4M3FNUZ) == expected)
    #expect(statistics([0, 0x40, 0x44, 0x46] as [UInt8], .float8E5M2FNUZ) == expected)
    #expect(statistics([126, 127, 128, 255] as [UInt8], .float8E8M0FNU)?.mean == 3.5 / 3)
    #expect(try #require(statistics([UInt8](repeating: 0, count: 18), .q40)).zeroCount == 32)
    #expect(statistics([UInt8](repeating: 0, count: 3), .float6E2M3) == nil)
  }

  @Test func float8Limits() {
    let all = (0...UInt8.max).map { $0 }
    #expect(statistics(all, .float8E4M3FN)?.maximum == 448)
    #expect(statistics(all, .float8E4M3FN)?.nonFiniteCount == 2)
    #expect(statistics(all, .float8E5M2)?.maximum == 57344)
    #expect(statistics(all, .float8E5M2)?.nonFiniteCount == 8)
    #expect(statistics(all, .float8E4M3FNUZ)?.maximum == 240)
    #expect(statistics(all, .float8E4M3FNUZ)?.nonFiniteCount == 1)
    #expect(statistics(all, .float8E5M2FNUZ)?.maximum == 57344)
    #expect(statistics(all, .float8E5M2FNUZ)?.zeroCount == 1)
  }

  /// The textbook formula with the sum of squares would give nonsense here.
  @Test func stableFarFromZero() throws {
    let values = (0..<100_000).map { 1e9 + Double($0 % 2) }
    let found = try #require(statistics(values, .float64))
    #expect(abs(found.mean - (1e9 + 0.5)) < 1e-6)
    #expect(abs(found.standardDeviation - 0.5) < 1e-9)
  }

  @Test func sameBitsOnEveryPath() throws {
    var generator = SplitMix(state: 7)
    let bytes = (0..<50_008).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    for type in ElementType.allCases where type.blockElements == 1 {
      let whole = Array(bytes.prefix(bytes.count / 16 * 16))
      let reference = try #require(statistics(whole, type, using: .portable))
      #expect(TensorSummary(of: whole.span.bytes, type: type).statistics == reference)
      for set in Processor.InstructionSet.allCases where set <= Processor.supported {
        #expect(statistics(whole, type, using: set) == reference)
      }
    }
  }

  @Test func summaryIsDigestAndStatistics() {
    let values = (0..<200_000).map { Float($0 % 1000) / 7 }
    values.withUnsafeBytes { bytes in
      let summary = TensorSummary(of: bytes.bytes, type: .float32)
      #expect(summary.digest == XXHash3.hash128(bytes.bytes))
      #expect(summary.statistics == TensorStatistics(of: bytes.bytes, type: .float32))
    }
  }
}
