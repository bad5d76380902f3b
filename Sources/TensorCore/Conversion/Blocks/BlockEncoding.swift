/// Floats as ggml's simple block types: what the `gguf` package makes of them (`gguf/quants.py`,
/// version 0.19), byte for byte.
///
/// As there, a block that holds an infinity or a NaN loses its other values: its scale becomes
/// infinite or NaN. NumPy gives that NaN's sign and payload, and in Q4_1 and Q5_1 the sign of a zero
/// minimum among zeros of both signs, by the width of the processor's vectors; here they are fixed.
enum BlockEncoding {
  /// Encodes whole blocks of 32. The counts were checked by the caller.
  static func encode(_ source: RawSpan, _ type: ElementType, into target: inout MutableRawSpan) {
    unsafe source.withUnsafeBytes { source in
      unsafe target.withUnsafeMutableBytes { target in
        guard let bytes = unsafe target.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
          return
        }
        let count = target.count / type.blockBytes
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { values in
          unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { codes in
            guard let values = values.baseAddress, let codes = codes.baseAddress,
              let start = source.baseAddress
            else { return }
            for index in 0..<count {
              unsafe UnsafeMutableRawPointer(values).copyMemory(
                from: start + index * 128, byteCount: 128)
              unsafe encode(type, values, codes, bytes + index * type.blockBytes)
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private static func encode(
    _ type: ElementType, _ values: UnsafeMutablePointer<Float>,
    _ codes: UnsafeMutablePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    switch type {
    case .q80: unsafe q80(values, target)
    case .q40:
      unsafe signed(values, levels: 8, codes, target)
      unsafe pack(codes, target + 2)
    case .q50:
      unsafe signed(values, levels: 16, codes, target)
      unsafe packFifthBits(codes, target + 2)
      unsafe pack(codes, target + 6)
    case .q41:
      unsafe unsigned(values, levels: 15, codes, target)
      unsafe pack(codes, target + 4)
    case .q51:
      unsafe unsigned(values, levels: 31, codes, target)
      unsafe packFifthBits(codes, target + 4)
      unsafe pack(codes, target + 8)
    default: preconditionFailure("no type to encode: \(type)")
    }
  }

  // MARK: The three ways to choose a scale

  /// The greatest magnitude becomes ±127. Halves round away from zero.
  @inline(__always)
  private static func q80(
    _ values: UnsafeMutablePointer<Float>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    let greatest = unsafe greatestMagnitude(values)
    // To NumPy, every NaN that a maximum meets is this one.
    let scale = (greatest > 0x7F80_0000 ? Float.nan : Float(bitPattern: greatest)) / 127
    unsafe put(scale, target)
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<32 {
      let scaled = unsafe values[index] * inverse
      let magnitude = scaled.magnitude < 256 ? scaled.magnitude : 0
      let whole = truncated(magnitude)
      let rounded = whole + (magnitude - whole >= 0.5 ? 1 : 0)
      let code = Int32(truncatingIfNeeded: (rounded + 0x1p23).bitPattern & 0xFF)
      unsafe target[2 + index] = UInt8(truncatingIfNeeded: scaled < 0 ? 0 &- code : code)
    }
  }

  /// The value of greatest magnitude becomes the lowest level, the first such value where there
  /// are several.
  @inline(__always)
  private static func signed(
    _ values: UnsafeMutablePointer<Float>, levels: Float, _ codes: UnsafeMutablePointer<UInt8>,
    _ target: UnsafeMutablePointer<UInt8>
  ) {
    let greatest = unsafe greatestMagnitude(values)
    var first: Int32 = 32
    for index in 0..<32 {
      let bits = unsafe values[index].bitPattern & 0x7FFF_FFFF
      // Any NaN is as great as another.
      let isGreatest = bits == greatest || bits > 0x7F80_0000
      first = min(first, isGreatest ? Int32(index) : 32)
    }
    let scale = unsafe values[Int(first)] / -levels
    unsafe put(scale, target)
    unsafe quantise(values, 0, scale, rounding: levels + 0.5, limit: 2 * levels - 1, codes)
  }

  /// The least value becomes 0, the greatest the highest level.
  @inline(__always)
  private static func unsigned(
    _ values: UnsafeMutablePointer<Float>, levels: Float, _ codes: UnsafeMutablePointer<UInt8>,
    _ target: UnsafeMutablePointer<UInt8>
  ) {
    let (least, greatest) = unsafe range(values)
    let scale = (greatest - least) / levels
    unsafe put(scale, target)
    unsafe put(least, target + 2)
    unsafe quantise(values, least, scale, rounding: 0.5, limit: levels, codes)
  }

  // MARK: Parts

  /// The bits of the greatest magnitude; those of a NaN where there is one.
  @inline(__always)
  private static func greatestMagnitude(_ values: UnsafeMutablePointer<Float>) -> UInt32 {
    var greatest: Int32 = 0
    for index in 0..<32 {
      let bits = unsafe Int32(bitPattern: values[index].bitPattern & 0x7FFF_FFFF)
      greatest = max(greatest, bits)
    }
    return UInt32(bitPattern: greatest)
  }

  /// The least and the greatest value; NaN for both where there is one. Of equal values, the zeros
  /// of both signs, the last counts: that is how NumPy's loops end.
  @inline(__always)
  private static func range(_ values: UnsafeMutablePointer<Float>) -> (Float, Float) {
    guard unsafe greatestMagnitude(values) <= 0x7F80_0000 else { return (.nan, .nan) }
    var least = unsafe values[0]
    var greatest = least
    for index in 1..<32 {
      let value = unsafe values[index]
      least = value <= least ? value : least
      greatest = value >= greatest ? value : greatest
    }
    return (least, greatest)
  }

  /// `(value - offset) / scale + rounding` without its fraction, at most `limit`; 0 where that is
  /// no number.
  @inline(__always)
  private static func quantise(
    _ values: UnsafeMutablePointer<Float>, _ offset: Float, _ scale: Float, rounding: Float,
    limit: Float, _ codes: UnsafeMutablePointer<UInt8>
  ) {
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<32 {
      let level = unsafe (values[index] - offset) * inverse + rounding
      let whole = truncated(level < 64 ? level : 0)
      let code = whole < limit ? whole : limit
      unsafe codes[index] = UInt8(truncatingIfNeeded: (code + 0x1p23).bitPattern)
    }
  }

  /// A number from 0 to 2²² without its fraction. Adding 2²³ rounds to a whole number, and no
  /// conversion to an integer has to be guarded against numbers that have none.
  @inline(__always)
  private static func truncated(_ value: Float) -> Float {
    let rounded = (value + 0x1p23) - 0x1p23
    return rounded > value ? rounded - 1 : rounded
  }

  @inline(__always)
  private static func put(_ scale: Float, _ target: UnsafeMutablePointer<UInt8>) {
    let bits = HalfFormats.narrowFloat16(scale.bitPattern)
    unsafe target[0] = UInt8(truncatingIfNeeded: bits)
    unsafe target[1] = UInt8(truncatingIfNeeded: bits >> 8)
  }

  @inline(__always)
  private static func pack(
    _ codes: UnsafeMutablePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    for index in 0..<16 {
      unsafe target[index] = unsafe codes[index] & 15 | codes[index + 16] << 4
    }
  }

  @inline(__always)
  private static func packFifthBits(
    _ codes: UnsafeMutablePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    for byte in 0..<4 {
      var bits: UInt8 = 0
      for bit in 0..<8 { bits |= unsafe (codes[byte * 8 + bit] >> 4) << UInt8(bit) }
      unsafe target[byte] = bits
    }
  }
}
