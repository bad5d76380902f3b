import Foundation
import Testing

@testable import TensorCore

/// What the `gguf` package decodes and encodes, from `Fixtures/gguf/make.py`.
@Suite struct BlockConversionTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/gguf/valid").standardizedFileURL

  /// The last bytes of a file: those of its last tensors, without padding.
  private static func file(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appending(path: name)))
  }

  static let types = ElementType.allCases.filter { $0.isGGMLBlock && $0 != .q81 }

  private static func floats(_ bytes: [UInt8]) -> [Float] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  /// Equal bits, or both NaN: which NaN is the processor's business.
  private func expectEqual(_ found: [Float], _ expected: [Float], _ type: ElementType) {
    #expect(found.count == expected.count)
    for (index, pair) in zip(found, expected).enumerated()
    where pair.0.bitPattern != pair.1.bitPattern && !(pair.0.isNaN && pair.1.isNaN) {
      Issue.record("\(type), value \(index) is \(pair.0), expected \(pair.1)")
      return
    }
  }

  @Test(arguments: types) func decodesAsThePackage(type: ElementType) throws {
    let expected = Self.floats(try Self.file("\(type.name).f32"))
    let count = expected.count / type.blockElements * type.blockBytes
    // The only tensor stands at the end of the file but for zeros up to a multiple of 32.
    let file = try Self.file("\(type.name).gguf")
    let start = file.count - (count + 31) / 32 * 32
    let blocks = Array(file[start..<start + count])
    expectEqual(
      Self.floats(ElementConversion.convert(blocks.span.bytes, from: type, to: .float32)),
      expected, type)
    // Any whole block by itself, to memory on no boundary.
    var odd = [UInt8](repeating: 0, count: type.blockElements * 4 + 1)
    odd.withUnsafeMutableBytes { odd in
      var target = UnsafeMutableRawBufferPointer(rebasing: odd[1...]).mutableBytes
      ElementConversion.convert(
        blocks.span.bytes.extracting(type.blockBytes..<2 * type.blockBytes), from: type,
        to: .float32, into: &target)
    }
    expectEqual(
      Self.floats(Array(odd[1...])),
      Array(expected[type.blockElements..<2 * type.blockElements]), type)
    for (plain, back) in [(ElementType.float16, false), (.bfloat16, false), (.float64, true)] {
      let direct = ElementConversion.convert(blocks.span.bytes, from: type, to: plain)
      let floats = ElementConversion.convert(blocks.span.bytes, from: type, to: .float32)
      let steps = ElementConversion.convert(floats.span.bytes, from: .float32, to: plain)
      #expect(direct == steps, "\(type) to \(plain)")
      if back {
        expectEqual(
          Self.floats(ElementConversion.convert(direct.span.bytes, from: plain, to: .float32)),
          expected, type)
      }
    }
  }

  /// Figures of blocks are those of the numbers that the package decodes, however long the run is
  /// and wherever it is cut.
  @Test(arguments: types) func statisticsAreThoseOfTheDecodedNumbers(type: ElementType) throws {
    let expected = Self.floats(try Self.file("\(type.name).f32"))
    let count = expected.count / type.blockElements * type.blockBytes
    let file = try Self.file("\(type.name).gguf")
    let start = file.count - (count + 31) / 32 * 32
    let repeats = 300_000 / expected.count + 1
    let blocks = (0..<repeats).flatMap { _ in file[start..<start + count] }
    let floats = (0..<repeats).flatMap { _ in expected }
    let found = TensorStatistics(of: blocks.span.bytes, type: type)
    let known = floats.withUnsafeBytes { TensorStatistics(of: $0.bytes, type: .float32) }
    #expect(found == known && found != nil)
    let view = TensorView(
      description: TensorDescription(name: "x", elementType: type, shape: [floats.count]),
      storage: ByteStorage(copying: blocks.span.bytes), byteRange: 0..<blocks.count)
    var summary = TensorSummary.Accumulator(type: type)
    view.forEachChunk(of: 1000) { summary.update($0) }
    let inRuns = summary.finish()
    let atOnce = TensorSummary(of: blocks.span.bytes, type: type)
    #expect(inRuns == atOnce)
  }

  /// The tensors of `quantised.gguf` in order, with what each is made of.
  @Test func encodesAsThePackage() throws {
    let file = try Self.file("quantised.gguf")
    let types: [ElementType] = [.float32, .q80, .q40, .q50, .q41, .q51]
    let rows = 55
    let sizes = types.map { $0.byteCount(of: rows * 32) }
    var start = file.count - sizes.reduce(0) { $0 + ($1 + 31) / 32 * 32 }
    var tensors: [[UInt8]] = []
    for size in sizes {
      tensors.append(Array(file[start..<start + size]))
      start += (size + 31) / 32 * 32
    }
    let values = tensors[0]
    for (type, expected) in zip(types, tensors).dropFirst() {
      let found = ElementConversion.convert(values.span.bytes, from: .float32, to: type)
      for row in 0..<rows {
        let range = row * type.blockBytes..<(row + 1) * type.blockBytes
        #expect(found[range] == expected[range], "\(type), row \(row)")
      }
      let wide = ElementConversion.convert(values.span.bytes, from: .float32, to: .float64)
      #expect(ElementConversion.convert(wide.span.bytes, from: .float64, to: type) == expected)
    }
  }

  /// Twice as many values as go through memory at a time, and a block.
  @Test func longRunsAreConvertedInPieces() {
    var generator = SplitMix(state: 5)
    let count = 8192 + 256
    let halves = (0..<count).map { _ in
      Float16(Float.random(in: -2...2, using: &generator)).bitPattern
    }
    let bytes = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let whole = ElementConversion.convert(bytes.span.bytes, from: .float16, to: .q80)
    var pieces: [UInt8] = []
    for start in stride(from: 0, to: count, by: 32) {
      pieces += ElementConversion.convert(
        bytes.span.bytes.extracting(2 * start..<2 * start + 64), from: .float16, to: .q80)
    }
    #expect(whole == pieces)
  }

  @Test(
    arguments: [
      (ElementType.float8E4M3FN, [0x7FF0_0000, 0x3B00_0000, 0x8000_0000, 0x43E0_0000]),
      (.float8E5M2, [0x7FE0_0000, 0x3780_0000, 0x8000_0000, 0x7FC0_0000]),
      (.float8E4M3FNUZ, [0x4370_0000, 0x3A80_0000, 0x7F80_0001, 0x4360_0000]),
      (.float8E5M2FNUZ, [0x4760_0000, 0x3700_0000, 0x7F80_0001, 0x4740_0000]),
      (.float8E8M0FNU, [0x3F80_0000, 0x0080_0000, 0x4000_0000, 0x3F00_0000]),
    ] as [(ElementType, [UInt32])]) func floatsOfOneByteWidenAsInTorch(
      type: ElementType, expected: [UInt32]
    )
  {
    let bytes: [UInt8] = [0x7F, 0x01, 0x80, 0x7E]
    let found = ElementConversion.convert(bytes.span.bytes, from: type, to: .float32)
    #expect(Self.floats(found).map(\.bitPattern) == expected)
  }
}
