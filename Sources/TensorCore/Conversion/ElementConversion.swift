internal import CKernels

/// Conversion between the plain float types: float16, bfloat16, float32 and float64.
///
/// Widening is exact. Narrowing rounds once, to nearest and ties to even, also from float64 to the
/// half-width types; too large values become infinite, subnormals are kept, and a NaN stays a NaN:
/// the values that `torch.Tensor.to` gives, but that torch does not always keep a NaN's sign.
/// The result does not depend on the processor.
public enum ElementConversion {
  /// The values of a tensor of a plain float type as floats.
  ///
  /// Traps when `type` is not a plain float (`ElementType.isPlainFloat`) or the counts differ:
  /// callers check what a file says, with an error of their own.
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

  /// The same values in another plain float type.
  ///
  /// Traps when a type is not a plain float or the source is not a whole number of elements.
  public static func convert(
    _ source: RawSpan, from sourceType: ElementType, to targetType: ElementType
  ) -> [UInt8] {
    let count = source.byteCount / sourceType.blockBytes * targetType.blockBytes
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]).mutableBytes
      convert(source, from: sourceType, to: targetType, into: &target)
      initialized = count
    }
  }

  /// The same values in another plain float type, into memory that holds exactly as many.
  ///
  /// Traps when a type is not a plain float or the counts differ.
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
    precondition(sourceType.isPlainFloat && targetType.isPlainFloat, "not plain floats")
    let count = source.byteCount / sourceType.blockBytes
    precondition(
      count * sourceType.blockBytes == source.byteCount
        && count * targetType.blockBytes == target.byteCount, "element counts differ")
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
          start * sourceType.blockBytes..<end * sourceType.blockBytes)
        let floats = unsafe UnsafeMutableRawBufferPointer(rebasing: block[..<((end - start) * 4)])
        var wide = unsafe floats.mutableBytes
        if sourceType == .float64 {
          roundToOdd(piece, into: &wide)
        } else {
          widen(piece, sourceType, into: &wide, using: instructions)
        }
        var narrowed = unsafe UnsafeMutableRawBufferPointer(
          rebasing: target[start * targetType.blockBytes..<end * targetType.blockBytes]
        ).mutableBytes
        narrow(wide.bytes, targetType, into: &narrowed, using: instructions)
      }
    }
  }

  private static let blockElements = 4096

  /// Any plain float type to float32.
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
    default: preconditionFailure("not a conversion: \(type)")
    }
  }

  /// Float32 to any plain float type.
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
    default: preconditionFailure("not a conversion: \(type)")
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
