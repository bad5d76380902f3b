import Foundation
import Testing

@testable import TensorCore

/// The instruction sets that this processor can run.
private let sets = Processor.InstructionSet.allCases.filter { $0 <= Processor.supported }

private func convert<Input: BitwiseCopyable, Output: BitwiseCopyable>(
  _ values: [Input], _ from: ElementType, _ to: ElementType, as: Output.Type,
  using set: Processor.InstructionSet = Processor.instructionSet
) -> [Output] {
  var output = [UInt8](repeating: 0, count: values.count * to.blockBytes)
  values.withUnsafeBytes { source in
    output.withUnsafeMutableBytes { target in
      var target = target.mutableBytes
      ElementConversion.convert(source.bytes, from: from, to: to, into: &target, using: set)
    }
  }
  return output.withUnsafeBytes { bytes in
    (0..<values.count).map {
      bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Output>.size, as: Output.self)
    }
  }
}

/// Floats at and around every boundary, and many random ones. The count is no multiple of a vector.
private let floats: [UInt32] = {
  var bits: [UInt32] = [0, 1, 0x007F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001]
  bits += [0x7FBF_FFFF, 0x7FC0_0000, 0x7FFF_FFFF, 0x3F00_0000]
  for half in 0..<UInt16(0x7C00) {
    // Every half, the middle to the next one, and the floats beside both.
    let exact = HalfFormats.widenFloat16(half)
    let next = half == 0x7BFF ? 0x4780_0000 : HalfFormats.widenFloat16(half + 1)
    let middle = ((Float(bitPattern: exact) + Float(bitPattern: next)) / 2).bitPattern
    bits += [exact, exact &- 1, exact + 1, middle - 1, middle, middle + 1]
  }
  for high in stride(from: UInt32(0), through: 0xFFFF, by: 7) {
    bits += [0x7FFF, 0x8000, 0x8001].map { high << 16 | $0 }
  }
  var generator = SplitMix(state: 20)
  bits += (0..<100_003).map { _ in UInt32(truncatingIfNeeded: generator.next()) }
  return bits.flatMap { [$0, $0 ^ 0x8000_0000] }
}()

struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

@Suite struct ElementConversionTests {
  static let halves = (0...UInt16.max).map { $0 }

  @Test(arguments: sets) func allHalvesWiden(set: Processor.InstructionSet) {
    let wide = convert(Self.halves, .float16, .float32, as: UInt32.self, using: set)
    for half in Self.halves {
      let exact = Float(Float16(bitPattern: half))
      if exact.isNaN {
        #expect(Float(bitPattern: wide[Int(half)]).isNaN)
      } else if wide[Int(half)] != exact.bitPattern {
        Issue.record("half \(half) became \(wide[Int(half)])")
      }
    }
    #expect(wide == Self.halves.map(HalfFormats.widenFloat16))
  }

  @Test(arguments: sets) func allHalvesComeBack(set: Processor.InstructionSet) {
    let wide = convert(Self.halves, .float16, .float32, as: UInt32.self, using: set)
    let back = convert(wide, .float32, .float16, as: UInt16.self, using: set)
    let expected = Self.halves.map { ($0 & 0x7FFF) > 0x7C00 ? $0 | 0x200 : $0 }
    #expect(back == expected)
    let brainWide = convert(Self.halves, .bfloat16, .float32, as: UInt32.self, using: set)
    #expect(brainWide == Self.halves.map { UInt32($0) << 16 })
    let brainBack = convert(brainWide, .float32, .bfloat16, as: UInt16.self, using: set)
    #expect(brainBack == Self.halves.map { ($0 & 0x7FFF) > 0x7F80 ? $0 | 0x40 : $0 })
  }

  @Test(arguments: sets) func floatsNarrowAlikeOnEveryPath(set: Processor.InstructionSet) {
    let half = convert(floats, .float32, .float16, as: UInt16.self, using: set)
    let brain = convert(floats, .float32, .bfloat16, as: UInt16.self, using: set)
    #expect(half == floats.map(HalfFormats.narrowFloat16))
    #expect(brain == floats.map(HalfFormats.narrowBFloat16))
  }

  @Test func narrowingAgreesWithTheCompiler() {
    for bits in floats {
      let value = Float(bitPattern: bits)
      let ours = HalfFormats.narrowFloat16(bits)
      if value.isNaN {
        #expect(ours & 0x7FFF > 0x7C00)
      } else if ours != Float16(value).bitPattern {
        Issue.record("\(value) became \(ours)")
      }
    }
  }

  @Test(arguments: sets) func doublesRoundOnce(set: Processor.InstructionSet) {
    var generator = SplitMix(state: 21)
    var doubles: [Double] = [
      1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11 - 0x1p-40, 1 + 0x1p-8 + 0x1p-45, 0x1p-25 + 0x1p-60,
      0x1p-25, 65519.999999, 65520, 1e300, 1e-300, .infinity, .nan, 0x1p-149, 0x1p-150,
    ]
    doubles += floats.prefix(200_000).map { bits in
      let value = Double(Float(bitPattern: bits))
      return value + value * Double(Int(generator.next() % 5) - 2) * 0x1p-45
    }
    doubles += doubles.map { -$0 }
    let half = convert(doubles, .float64, .float16, as: UInt16.self, using: set)
    for (value, result) in zip(doubles, half) where !value.isNaN {
      // The compiler's own conversion from Double rounds once.
      if result != Float16(value).bitPattern { Issue.record("\(value) became \(result)") }
    }
    let brain = convert(doubles, .float64, .bfloat16, as: UInt16.self, using: set)
    for (value, result) in zip(doubles, brain) where value.isFinite {
      // No neighbour is nearer, and a tie ends in an even fraction.
      let got = Double(Float(bitPattern: UInt32(result) << 16))
      guard got.isFinite else {
        #expect(value.magnitude >= 0x1.FFp127)
        continue
      }
      let error = (got - value).magnitude
      for neighbour in [result &- 1, result &+ 1] where neighbour & 0x8000 == result & 0x8000 {
        let other = (Double(Float(bitPattern: UInt32(neighbour) << 16)) - value).magnitude
        if other < error || other == error && result & 1 == 1 {
          Issue.record("\(value) became \(got)")
        }
      }
    }
    #expect(convert([Double.nan], .float64, .float16, as: Float16.self, using: set)[0].isNaN)
  }

  @Test(arguments: [(ElementType.float16, 2), (.bfloat16, 2), (.float32, 4), (.float64, 8)])
  func wideningToDoubleIsExact(type: ElementType, size: Int) {
    let bytes = (0..<4096 * size).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) }
    let count = bytes.count / size
    let floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      ElementConversion.toFloats(
        bytes.span.bytes, type: type, into: .init(rebasing: buffer[..<count]))
      initialized = count
    }
    let wide = ElementConversion.convert(bytes.span.bytes, from: type, to: .float64)
    for index in 0..<count where !floats[index].isNaN {
      let value = wide.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: 8 * index, as: Double.self)
      }
      if Float(value).bitPattern != floats[index].bitPattern { Issue.record("at \(index)") }
    }
    if type == .float64 { #expect(wide == bytes) }
  }

  /// Lengths around a vector's, from and to memory that is not aligned.
  @Test(arguments: sets) func shortAndUnaligned(set: Processor.InstructionSet) {
    let source = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 73) & 0x3F }
    for count in 0...40 {
      for type in [ElementType.float16, .bfloat16] {
        var wide = [UInt8](repeating: 0xEE, count: 1 + 4 * count + 1)
        wide.withUnsafeMutableBytes { buffer in
          var target = UnsafeMutableRawBufferPointer(rebasing: buffer[1..<1 + 4 * count])
            .mutableBytes
          ElementConversion.convert(
            source.span.bytes.extracting(3..<3 + 2 * count), from: type, to: .float32,
            into: &target, using: set)
        }
        #expect(wide.first == 0xEE && wide.last == 0xEE)
        var back = [UInt8](repeating: 0xEE, count: 1 + 2 * count + 1)
        back.withUnsafeMutableBytes { buffer in
          var target = UnsafeMutableRawBufferPointer(rebasing: buffer[1..<1 + 2 * count])
            .mutableBytes
          ElementConversion.convert(
            wide.span.bytes.extracting(1..<1 + 4 * count), from: .float32, to: type,
            into: &target, using: set)
        }
        #expect(back.first == 0xEE && back.last == 0xEE)
        #expect(Array(back[1..<1 + 2 * count]) == Array(source[3..<3 + 2 * count]))
      }
    }
  }
}
