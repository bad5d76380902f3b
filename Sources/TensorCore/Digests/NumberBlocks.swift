/// The numbers in a run of elements, for figures of any element type.
///
/// A complex element counts as two numbers. What single precision holds exactly is decoded to
/// floats, everything else to doubles.
struct NumberBlocks {
  let type: ElementType
  private let instructions: Processor.InstructionSet
  private let table: [Float]

  /// Prepares to decode a type; `nil` for packed types, whose values nobody here knows.
  init?(_ type: ElementType, using instructions: Processor.InstructionSet) {
    guard type.blockElements == 1 || type.isGGMLBlock else { return nil }
    self.type = type
    self.instructions = instructions
    table = type.blockBytes == 1 ? ByteValues.table(of: type) : []
  }

  /// Whether every number is a single-precision one.
  var isSingle: Bool {
    switch type {
    case .float64, .complex128, .int32, .uint32, .int64, .uint64: false
    default: true
    }
  }

  /// The elements in one block, and the bytes of the block.
  var unit: (elements: Int, bytes: Int) { (type.blockElements, type.blockBytes) }

  /// How many numbers an element holds.
  var numbersPerElement: Int { type == .complex64 || type == .complex128 ? 2 : 1 }

  /// How many numbers a run of bytes holds.
  func count(in bytes: RawSpan) -> Int {
    bytes.byteCount / unit.bytes * unit.elements * numbersPerElement
  }

  /// Decodes all numbers of a run. Only for types of single precision.
  func floats(_ bytes: RawSpan, into target: UnsafeMutableBufferPointer<Float>) {
    switch type {
    case .int16: unsafe map(bytes, into: target) { (value: Int16) in Float(value) }
    case .uint16: unsafe map(bytes, into: target) { (value: UInt16) in Float(value) }
    case .complex64: unsafe convert(bytes, .float32, into: target)
    case _ where type.blockBytes == 1:
      unsafe map(bytes, into: target) { (byte: UInt8) in table[Int(byte)] }
    default: unsafe convert(bytes, type, into: target)
    }
  }

  /// Decodes all numbers of a run.
  func doubles(_ bytes: RawSpan, into target: UnsafeMutableBufferPointer<Double>) {
    switch type {
    case .float64, .complex128: unsafe map(bytes, into: target) { (value: Double) in value }
    case .int32: unsafe map(bytes, into: target) { (value: Int32) in Double(value) }
    case .uint32: unsafe map(bytes, into: target) { (value: UInt32) in Double(value) }
    case .int64: unsafe map(bytes, into: target) { (value: Int64) in Double(value) }
    case .uint64: unsafe map(bytes, into: target) { (value: UInt64) in Double(value) }
    default:
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: target.count) { floats in
        unsafe self.floats(bytes, into: floats)
        for index in 0..<floats.count { unsafe target[index] = unsafe Double(floats[index]) }
      }
    }
  }

  private func convert(
    _ bytes: RawSpan, _ type: ElementType, into target: UnsafeMutableBufferPointer<Float>
  ) {
    var floats = unsafe UnsafeMutableRawBufferPointer(target).mutableBytes
    ElementConversion.convert(
      bytes, from: type, to: .float32, into: &floats, using: instructions)
  }

  @inline(__always)
  private func map<Input: BitwiseCopyable, Output>(
    _ bytes: RawSpan, into target: UnsafeMutableBufferPointer<Output>, _ body: (Input) -> Output
  ) {
    for index in 0..<target.count {
      unsafe target[index] = body(
        unsafe bytes.unsafeLoadUnaligned(
          fromByteOffset: index * MemoryLayout<Input>.size, as: Input.self))
    }
  }
}
