internal import CKernels

/// Conversion between the float types: from all of them that are decoded
/// (`ElementType.isDecodable`) to all that can be made (`ElementType.isEncodable`).
///
/// Widening is exact. Narrowing rounds once, to nearest and ties to even, also from float64 to the
/// half-width types; too large values become infinite, subnormals are kept, and a NaN stays a NaN:
/// the values that `torch.Tensor.to` gives, but that torch does not always keep a NaN's sign.
/// The result does not depend on the processor. Floats of one byte widen as torch widens them;
/// ggml's block types are what `BlockDecoding` and `BlockEncoding` say.
public enum ElementConversion {
  /// The values of a tensor of a decodable type as floats.
  ///
  /// Traps when `type` is none (`ElementType.isDecodable`) or the counts differ: callers check what
  /// a file says, with an error of their own.
  ///
  /// - Parameters:
  ///   - source: little-endian elements, at any alignment.
  ///   - type: how they are stored.
  ///   - target: room for exactly as many floats.
  public static func toFloats(
    _ source: RawSpan, type: ElementType, into target: UnsafeMutableBufferPointer<Float>
  ) {
    var bytes = unsafe UnsafeMutableRawBufferPointer(target).mutableBytes
    convert(source, from: type, to: .float32, into: &bytes)
  }

  /// The values of a small tensor, or of a part of one, as floats.
  ///
  /// Traps as `toFloats(_:type:into:)`.
  public static func floats(_ source: RawSpan, type: ElementType) -> [Float] {
    let count = source.byteCount / type.blockBytes * type.blockElements
    return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      unsafe toFloats(
        source, type: type, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      filled = count
    }
  }

  /// The same values in another type.
  ///
  /// Traps when there is no such conversion or the source is not a whole number of blocks.
  public static func convert(
    _ source: RawSpan, from sourceType: ElementType, to targetType: ElementType
  ) -> [UInt8] {
    let elements = source.byteCount / sourceType.blockBytes * sourceType.blockElements
    let count = elements / targetType.blockElements * targetType.blockBytes
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]).mutableBytes
      convert(source, from: sourceType, to: targetType, into: &target)
      initialized = count
    }
  }

  /// The same values in another type, into memory that holds exactly as many. Any run of whole
  /// blocks of both types can be converted by itself.
  ///
  /// Traps when there is no such conversion or the counts differ.
  public static func convert(
    _ source: RawSpan, from sourceType: ElementType, to targetType: ElementType,
    into target: inout MutableRawSpan
  ) {
    convert(
      source, from: sourceType, to: targetType, into: &target, using: Processor.instructionSet)
  }

  static func convert(
    _ source: RawSpan, from sourceType: ElementType, to targetType: ElementType,
    into target: inout MutableRawSpan, using instructions: Processor.InstructionSet
  ) {
    precondition(sourceType.isDecodable && targetType.isEncodable, "no such conversion")
    let count = source.byteCount / sourceType.blockBytes * sourceType.blockElements
    precondition(
      sourceType.byteCount(of: count) == source.byteCount
        && targetType.byteCount(of: count) == target.byteCount, "element counts differ")
    guard count > 0 else { return }
    switch (sourceType, targetType) {
    case _ where sourceType == targetType:
      unsafe source.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { unsafe $0.copyMemory(from: source) }
      }
    case (_, .float32): widen(source, sourceType, into: &target, using: instructions)
    case (.float32, _): narrow(source, targetType, into: &target, using: instructions)
    default:
      unsafe target.withUnsafeMutableBytes { target in
        unsafe convertInTwoSteps(
          source, from: sourceType, to: targetType, into: target, count: count,
          using: instructions)
      }
    }
  }

  /// Through float32, a cache-sized block at a time.
  private static func convertInTwoSteps(
    _ source: RawSpan, from sourceType: ElementType, to targetType: ElementType,
    into target: UnsafeMutableRawBufferPointer, count: Int,
    using instructions: Processor.InstructionSet
  ) {
    unsafe withUnsafeTemporaryAllocation(
      byteCount: min(count, blockElements) * 4, alignment: 64
    ) { block in
      for start in stride(from: 0, to: count, by: blockElements) {
        let end = min(start + blockElements, count)
        let piece = source.extracting(
          sourceType.byteCount(of: start)..<sourceType.byteCount(of: end))
        let floats = unsafe UnsafeMutableRawBufferPointer(rebasing: block[..<((end - start) * 4)])
        var wide = unsafe floats.mutableBytes
        if sourceType == .float64, targetType == .float16 || targetType == .bfloat16 {
          roundToOdd(piece, into: &wide)
        } else {
          widen(piece, sourceType, into: &wide, using: instructions)
        }
        var narrowed = unsafe UnsafeMutableRawBufferPointer(
          rebasing: target[targetType.byteCount(of: start)..<targetType.byteCount(of: end)]
        ).mutableBytes
        narrow(wide.bytes, targetType, into: &narrowed, using: instructions)
      }
    }
  }

  /// A whole number of blocks of every type.
  private static let blockElements = 4096

  /// Any decodable type to float32.
  private static func widen(
    _ source: RawSpan, _ type: ElementType, into target: inout MutableRawSpan,
    using instructions: Processor.InstructionSet
  ) {
    #if arch(x86_64)
      let kernel: (@convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int) -> Void)? =
        switch (type, instructions) {
        case (.float16, .avx512): unsafe assay_f16_to_f32_avx512
        case (.float16, .avx2): unsafe assay_f16_to_f32_avx2
        case (.bfloat16, .avx512): unsafe assay_bf16_to_f32_avx512
        case (.bfloat16, .avx2): unsafe assay_bf16_to_f32_avx2
        default: nil
        }
      if let kernel = unsafe kernel {
        return unsafe run(kernel, source, into: &target, count: target.byteCount / 4)
      }
    #endif
    switch type {
    case .float16: map(source, into: &target) { HalfFormats.widenFloat16($0) }
    case .bfloat16: map(source, into: &target) { HalfFormats.widenBFloat16($0) }
    case .float64: map(source, into: &target) { (value: Double) in Float(value) }
    case _ where type.isGGMLBlock: BlockDecoding.decode(type, source, into: &target)
    default:
      guard let table = Float8Formats.table(type) else {
        preconditionFailure("not a conversion: \(type)")
      }
      map(source, into: &target) { (byte: UInt8) in table[Int(byte)] }
    }
  }

  /// Float32 to any encodable type.
  private static func narrow(
    _ source: RawSpan, _ type: ElementType, into target: inout MutableRawSpan,
    using instructions: Processor.InstructionSet
  ) {
    #if arch(x86_64)
      let kernel: (@convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int) -> Void)? =
        switch (type, instructions) {
        case (.float16, .avx512): unsafe assay_f32_to_f16_avx512
        case (.float16, .avx2): unsafe assay_f32_to_f16_avx2
        case (.bfloat16, .avx512): unsafe assay_f32_to_bf16_avx512
        case (.bfloat16, .avx2): unsafe assay_f32_to_bf16_avx2
        default: nil
        }
      if let kernel = unsafe kernel {
        return unsafe run(kernel, source, into: &target, count: source.byteCount / 4)
      }
    #endif
    switch type {
    case .float16: map(source, into: &target) { HalfFormats.narrowFloat16($0) }
    case .bfloat16: map(source, into: &target) { HalfFormats.narrowBFloat16($0) }
    case .float64: map(source, into: &target) { (value: Float) in Double(value) }
    default: BlockEncoding.encode(source, type, into: &target)
    }
  }

  private static func roundToOdd(_ source: RawSpan, into target: inout MutableRawSpan) {
    map(source, into: &target) { HalfFormats.roundToOdd($0) }
  }

  private static func run(
    _ kernel: @convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int) -> Void,
    _ source: RawSpan, into target: inout MutableRawSpan, count: Int
  ) {
    unsafe source.withUnsafeBytes { source in
      unsafe target.withUnsafeMutableBytes { target in
        unsafe kernel(source.baseAddress, target.baseAddress, count)
      }
    }
  }

  /// Applies a function to every element. The counts were checked by the caller.
  @inline(__always)
  private static func map<Input: BitwiseCopyable, Output: BitwiseCopyable>(
    _ source: RawSpan, into target: inout MutableRawSpan, _ body: (Input) -> Output
  ) {
    let (inputSize, outputSize) = (MemoryLayout<Input>.size, MemoryLayout<Output>.size)
    unsafe source.withUnsafeBytes { source in
      unsafe target.withUnsafeMutableBytes { target in
        for index in 0..<source.count / inputSize {
          let value = unsafe source.loadUnaligned(
            fromByteOffset: index * inputSize, as: Input.self)
          unsafe target.storeBytes(
            of: body(value), toByteOffset: index * outputSize, as: Output.self)
        }
      }
    }
  }
}
