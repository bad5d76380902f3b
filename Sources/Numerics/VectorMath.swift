/// Eight floats at once: what the vector loops work on.
typealias Floats = SIMD8<Float>

/// `eˣ` of eight floats, to 2 units in the last place.
///
/// The argument is split as n·ln 2 + r; eʳ is the polynomial of Cephes' `expf`. Results below the
/// smallest normal number are 0.
@inline(__always)
func exponential(_ x: Floats) -> Floats {
  let clamped = x.clamped(
    lowerBound: Floats(repeating: -87.3), upperBound: Floats(repeating: 88.7))
  let n = (clamped * 1.442_695_04).rounded(.toNearestOrEven)
  let r = (clamped - n * 0.693_359_375) - n * -2.121_944_4e-4
  var p = Floats(repeating: 1.987_569_15e-4)
  p = p * r + 1.398_199_95e-3
  p = p * r + 8.333_451_9e-3
  p = p * r + 4.166_579_6e-2
  p = p * r + 1.666_666_55e-1
  p = p * r + 5.000_000_12e-1
  let value = p * (r * r) + r + 1
  // 2ⁿ, put together from its exponent bits.
  let scale = unsafeBitCast((SIMD8<Int32>(n) &+ 127) &<< 23, to: Floats.self)
  return (value * scale).replacing(with: 0, where: x .< -87.3)
}

/// Calls `vector` for whole groups of eight elements and once more for a padded rest.
@inline(__always)
func forEachEight(
  _ count: Int, from source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>,
  _ vector: (Floats) -> Floats
) {
  var index = 0
  while index + 8 <= count {
    let x = UnsafeRawPointer(source + index).loadUnaligned(as: Floats.self)
    UnsafeMutableRawPointer(target + index).storeBytes(of: vector(x), as: Floats.self)
    index += 8
  }
  guard index < count else { return }
  var rest = Floats.zero
  for lane in 0..<count - index { rest[lane] = source[index + lane] }
  rest = vector(rest)
  for lane in 0..<count - index { target[index + lane] = rest[lane] }
}
