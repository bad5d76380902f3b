/// ggml's block types as floats.
///
/// The values are those of the `gguf` package (`gguf/quants.py`, version 0.19), bit for bit: one
/// rounding an operation, in the package's order. Q8_K and Q8_1, which the package does not decode,
/// follow ggml's `dequantize_row_q8_K`. A NaN scale gives NaNs, whose bits are the processor's.
enum BlockDecoding {
  /// Decodes whole blocks. The counts were checked by the caller.
  static func decode(_ type: ElementType, _ source: RawSpan, into target: inout MutableRawSpan) {
    unsafe source.withUnsafeBytes { source in
      unsafe target.withUnsafeMutableBytes { target in
        guard let bytes = unsafe source.baseAddress?.assumingMemoryBound(to: UInt8.self),
          let floats = target.baseAddress
        else { return }
        let count = source.count / type.blockBytes
        if UInt(bitPattern: floats) % 4 == 0 {
          unsafe decode(type, bytes, floats.assumingMemoryBound(to: Float.self), count)
        } else {
          unsafe decodeUnaligned(type, bytes, target, count)
        }
      }
    }
  }

  /// A block at a time through memory on which floats may stand.
  private static func decodeUnaligned(
    _ type: ElementType, _ source: UnsafePointer<UInt8>, _ target: UnsafeMutableRawBufferPointer,
    _ count: Int
  ) {
    let width = type.blockElements * 4
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: type.blockElements) { block in
      guard let start = block.baseAddress else { return }
      for index in 0..<count {
        unsafe decode(type, source + index * type.blockBytes, start, 1)
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[index * width..<(index + 1) * width])
          .copyMemory(from: UnsafeRawBufferPointer(block))
      }
    }
  }

  private static func decode(
    _ type: ElementType, _ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    let kernel: (UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void
    switch type {
    case .q40: unsafe kernel = q40
    case .q41: unsafe kernel = q41
    case .q50: unsafe kernel = q50
    case .q51: unsafe kernel = q51
    case .q80: unsafe kernel = { unsafe bytes($0 + 2, half($0, 0), 32, $1) }
    case .q81: unsafe kernel = { unsafe bytes($0 + 4, half($0, 0), 32, $1) }
    case .q2K: unsafe kernel = q2K
    case .q3K: unsafe kernel = q3K
    case .q4K: unsafe kernel = q4K
    case .q5K: unsafe kernel = q5K
    case .q6K: unsafe kernel = q6K
    case .q8K:
      unsafe kernel = {
        let bits = unsafe UnsafeRawPointer($0).loadUnaligned(as: UInt32.self)
        unsafe bytes($0 + 4, Float(bitPattern: UInt32(littleEndian: bits)), 256, $1)
      }
    default: preconditionFailure("no block type: \(type)")
    }
    for index in 0..<count {
      unsafe kernel(source + index * type.blockBytes, target + index * type.blockElements)
    }
  }

  @inline(__always)
  private static func half(_ source: UnsafePointer<UInt8>, _ offset: Int) -> Float {
    let bits = unsafe UInt16(source[offset]) | UInt16(source[offset + 1]) << 8
    return Float(bitPattern: HalfFormats.widenFloat16(bits))
  }

  // MARK: 32 values a block

  /// Signed bytes with one scale.
  @inline(__always)
  private static func bytes(
    _ source: UnsafePointer<UInt8>, _ scale: Float, _ count: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count {
      unsafe target[index] = unsafe Float(Int8(bitPattern: source[index])) * scale
    }
  }

  /// A half scale, then 16 bytes: value i in the low bits of byte i, value i + 16 in the high ones.
  private static func q40(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    for index in 0..<16 {
      let byte = unsafe Int32(source[2 + index])
      unsafe target[index] = scale * Float(byte & 15 - 8)
      unsafe target[index + 16] = scale * Float(byte >> 4 - 8)
    }
  }

  /// As Q4_0 with a minimum behind the scale.
  private static func q41(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let (scale, minimum) = unsafe (half(source, 0), half(source, 2))
    for index in 0..<16 {
      let byte = unsafe Int32(source[4 + index])
      unsafe target[index] = scale * Float(byte & 15) + minimum
      unsafe target[index + 16] = scale * Float(byte >> 4) + minimum
    }
  }

  /// The fifth bits of 32 values stand together: value i has bit i.
  @inline(__always)
  private static func fifthBits(_ source: UnsafePointer<UInt8>) -> Int32 {
    Int32(
      littleEndian: unsafe UnsafeRawPointer(source).loadUnaligned(as: Int32.self))
  }

  private static func q50(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    let high = unsafe fifthBits(source + 2)
    for index in 0..<16 {
      let byte = unsafe Int32(source[6 + index])
      let (low, top) = (high &>> Int32(index) & 1, high &>> Int32(index + 16) & 1)
      unsafe target[index] = scale * Float((byte & 15 | low << 4) - 16)
      unsafe target[index + 16] = scale * Float((byte >> 4 | top << 4) - 16)
    }
  }

  private static func q51(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let (scale, minimum) = unsafe (half(source, 0), half(source, 2))
    let high = unsafe fifthBits(source + 4)
    for index in 0..<16 {
      let byte = unsafe Int32(source[8 + index])
      let (low, top) = (high &>> Int32(index) & 1, high &>> Int32(index + 16) & 1)
      unsafe target[index] = scale * Float(byte & 15 | low << 4) + minimum
      unsafe target[index + 16] = scale * Float(byte >> 4 | top << 4) + minimum
    }
  }

  // MARK: 256 values a block

  /// 16 bytes of scales (low bits) and minima (high bits), 64 bytes of two bits a value, then the
  /// half scales of both.
  private static func q2K(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let (scale, minimum) = unsafe (half(source, 80), half(source, 82))
    for part in 0..<16 {
      let byte = unsafe source[part]
      let (step, base) = (scale * Float(byte & 15), minimum * Float(byte >> 4))
      let start = unsafe source + 16 + part / 8 * 32 + part % 2 * 16
      let shift = Int32(part / 2 % 4 * 2)
      for index in 0..<16 {
        let value = unsafe Int32(start[index]) &>> shift & 3
        unsafe target[part * 16 + index] = step * Float(value) - base
      }
    }
  }

  /// 32 bytes of third bits, 64 of the lower two, 12 of scales of six bits, and a half scale. A
  /// third bit that is not set stands for minus four.
  private static func q3K(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 108)
    let scales = unsafe source + 96
    for part in 0..<16 {
      let low = unsafe Int32(scales[part % 8]) >> Int32(part / 8 * 4) & 15
      let high = unsafe Int32(scales[8 + part % 4]) >> Int32(part / 4 * 2) & 3
      let step = scale * Float((low | high << 4) - 32)
      let masks = unsafe source + part % 2 * 16
      let start = unsafe source + 32 + part / 8 * 32 + part % 2 * 16
      let (shift, bit) = (Int32(part / 2 % 4 * 2), Int32(part / 2))
      for index in 0..<16 {
        let value = unsafe Int32(start[index]) &>> shift & 3
        let third = unsafe Int32(masks[index]) &>> bit & 1
        unsafe target[part * 16 + index] = step * Float(value + third << 2 - 4)
      }
    }
  }

  /// The scale and minimum, of six bits each, of one of eight parts of a Q4_K or Q5_K block.
  @inline(__always)
  private static func scaleAndMinimum(
    _ scales: UnsafePointer<UInt8>, _ part: Int
  ) -> (Float, Float) {
    if part < 4 {
      return unsafe (Float(scales[part] & 63), Float(scales[part + 4] & 63))
    }
    let rest = unsafe scales[part + 4]
    let scale = unsafe rest & 15 | scales[part - 4] >> 2 & 48
    let minimum = unsafe rest >> 4 | scales[part] >> 2 & 48
    return (Float(scale), Float(minimum))
  }

  /// Half scales of scales and minima, 12 bytes of those, 128 bytes of four bits a value.
  private static func q4K(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let (scale, minimum) = unsafe (half(source, 0), half(source, 2))
    for part in 0..<8 {
      let (factor, offset) = unsafe scaleAndMinimum(source + 4, part)
      let (step, base) = (scale * factor, minimum * offset)
      let start = unsafe source + 16 + part / 2 * 32
      let shift = Int32(part % 2 * 4)
      for index in 0..<32 {
        let value = unsafe Int32(start[index]) &>> shift & 15
        unsafe target[part * 32 + index] = step * Float(value) - base
      }
    }
  }

  /// As Q4_K with 32 bytes of fifth bits before the lower four.
  private static func q5K(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let (scale, minimum) = unsafe (half(source, 0), half(source, 2))
    for part in 0..<8 {
      let (factor, offset) = unsafe scaleAndMinimum(source + 4, part)
      let (step, base) = (scale * factor, minimum * offset)
      let masks = unsafe source + 16
      let start = unsafe source + 48 + part / 2 * 32
      let (shift, bit) = (Int32(part % 2 * 4), Int32(part))
      for index in 0..<32 {
        let value = unsafe Int32(start[index]) &>> shift & 15
        let fifth = unsafe Int32(masks[index]) &>> bit & 1
        unsafe target[part * 32 + index] = step * Float(value | fifth << 4) - base
      }
    }
  }

  /// 128 bytes of the lower four bits, 64 of the upper two, 16 signed scales, and a half scale.
  private static func q6K(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 208)
    for part in 0..<16 {
      let step = unsafe scale * Float(Int8(bitPattern: source[192 + part]))
      // Each half of the block has four runs of 32: the low bits of 64 bytes, then the high ones.
      let (side, run, column) = (part / 8, part % 8 / 2, part % 2 * 16)
      let low = unsafe source + side * 64 + run % 2 * 32 + column
      let high = unsafe source + 128 + side * 32 + column
      let (shift, bits) = (Int32(run / 2 * 4), Int32(run * 2))
      for index in 0..<16 {
        let value = unsafe Int32(low[index]) &>> shift & 15
        let top = unsafe Int32(high[index]) &>> bits & 3
        unsafe target[part * 16 + index] = step * Float((value | top << 4) - 32)
      }
    }
  }
}
