internal import Foundation

/// PyTorch's random numbers on the CPU: `torch.Generator("cpu").manual_seed(seed)`.
///
/// MT19937 (Matsumoto and Nishimura, 1998) with ATen's own transformation to normal values
/// (`aten/src/ATen/native/cpu/DistributionTemplates.h`).
public struct TorchRandom: Sendable {
  private var state: [UInt32]
  private var next = 624
  private var cachedNormal: Double?

  /// Seeds the generator; as in PyTorch, only the low 32 bits count.
  public init(seed: UInt64) {
    state = [UInt32(truncatingIfNeeded: seed)]
    for index in 1..<624 {
      let previous = state[index - 1]
      state.append(1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(index))
    }
  }

  /// Standard normal values, as `torch.randn(count, generator: ...)`.
  ///
  /// From 16 values on, ATen draws all uniforms first and transforms them in blocks of 16 (8
  /// cosines, then 8 sines); a last, incomplete block is drawn anew over the last 16 values.
  public mutating func normal(_ count: Int) -> [Float] {
    guard count >= 16 else { return (0..<count).map { _ in Float(nextNormal()) } }
    var values = (0..<count).map { _ in nextUniform() }
    for start in stride(from: 0, through: count - 16, by: 16) {
      Self.transform(&values, from: start)
    }
    if count % 16 != 0 {
      for index in count - 16..<count { values[index] = nextUniform() }
      Self.transform(&values, from: count - 16)
    }
    return values
  }

  /// 16 uniform values in [0, 1) become 16 normal ones.
  private static func transform(_ values: inout [Float], from start: Int) {
    for index in start..<start + 8 {
      (values[index], values[index + 8]) = BoxMuller.transform(values[index], values[index + 8])
    }
  }

  private mutating func nextUniform() -> Float {
    Float(nextWord() & 0xFF_FFFF) * 0x1p-24
  }

  /// One value of the path for small counts: double precision, in pairs of which the second waits.
  private mutating func nextNormal() -> Double {
    if let value = cachedNormal {
      cachedNormal = nil
      return value
    }
    let u1 = nextDouble()
    let u2 = nextDouble()
    let radius = (-2 * log1p(-u2)).squareRoot()
    let angle = 2 * Double.pi * u1
    cachedNormal = radius * sin(angle)
    return radius * cos(angle)
  }

  private mutating func nextDouble() -> Double {
    let high = UInt64(nextWord())
    let low = UInt64(nextWord())
    return Double((high << 32 | low) & (1 << 53 - 1)) * 0x1p-53
  }

  private mutating func nextWord() -> UInt32 {
    if next == 624 { twist() }
    var word = state[next]
    next += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  private mutating func twist() {
    for index in 0..<624 {
      let mixed =
        (state[index] & 0x8000_0000) | (state[(index + 1) % 624] & 0x7FFF_FFFF)
      state[index] =
        state[(index + 397) % 624] ^ (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    next = 0
  }
}
