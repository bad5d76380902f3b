internal import CKernels

/// Gathers `TensorStatistics` from runs of whole elements.
struct StatisticsAccumulator {
  private let numbers: NumberBlocks
  private let instructions: Processor.InstructionSet
  private var minimum = Double.infinity
  private var maximum = -Double.infinity
  private var mean = 0.0
  private var squares = 0.0
  private var finite = 0.0
  private var finiteCount = 0
  private var count = 0
  private var zeroCount = 0

  /// The values that are decoded at a time. Fixed: it decides the order of the additions.
  private static let blockCount = 4096

  /// Starts without values; `nil` for packed types, whose values nobody here knows.
  init?(
    type: ElementType, using instructions: Processor.InstructionSet = Processor.instructionSet
  ) {
    guard let numbers = NumberBlocks(type, using: instructions) else { return nil }
    self.numbers = numbers
    self.instructions = instructions
  }

  /// Takes in a run of whole little-endian elements.
  ///
  /// The figures depend on where runs are cut, but that cuts at multiples of 4096 elements make none
  /// of a difference.
  mutating func update(_ bytes: RawSpan) {
    let elements = Self.blockCount / numbers.numbersPerElement
    let step = numbers.type.byteCount(of: elements)
    for start in stride(from: 0, to: bytes.byteCount, by: step) {
      add(bytes.extracting(start..<min(start + step, bytes.byteCount)))
    }
  }

  /// The figures of everything taken in.
  var statistics: TensorStatistics {
    let isEmpty = finiteCount == 0
    return TensorStatistics(
      minimum: Self.canonical(isEmpty ? .nan : minimum),
      maximum: Self.canonical(isEmpty ? .nan : maximum),
      mean: Self.canonical(isEmpty ? .nan : mean),
      standardDeviation: Self.canonical(isEmpty ? .nan : (squares / finite).squareRoot()),
      zeroCount: zeroCount, nonFiniteCount: count - finiteCount)
  }

  /// One NaN and one zero: which of several turns up depends on the processor.
  private static func canonical(_ value: Double) -> Double { value.isNaN ? .nan : value + 0 }

  private mutating func add(_ block: RawSpan) {
    let values = numbers.count(in: block)
    let result = numbers.isSingle ? ofFloats(block, values) : ofDoubles(block, values)
    count += values
    zeroCount += Int(result.zeros)
    guard result.finite > 0 else { return }
    minimum = min(minimum, result.minimum)
    maximum = max(maximum, result.maximum)
    let added = Double(result.finite)
    let total = finite + added
    let distance = result.mean - mean
    mean += distance * (added / total)
    squares += result.squares + distance * distance * (finite * added / total)
    finite = total
    finiteCount += Int(result.finite)
  }

  private func ofDoubles(_ block: RawSpan, _ count: Int) -> assay_block_statistics {
    unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { buffer in
      unsafe numbers.doubles(block, into: buffer)
      var result = assay_block_statistics()
      #if arch(x86_64)
        switch instructions {
        case .avx512: unsafe assay_statistics_f64_avx512(buffer.baseAddress, count, &result)
        case .avx2: unsafe assay_statistics_f64_avx2(buffer.baseAddress, count, &result)
        case .portable: unsafe assay_statistics_f64(buffer.baseAddress, count, &result)
        }
      #else
        unsafe assay_statistics_f64(buffer.baseAddress, count, &result)
      #endif
      return result
    }
  }

  private func ofFloats(_ block: RawSpan, _ count: Int) -> assay_block_statistics {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
      unsafe numbers.floats(block, into: buffer)
      var result = assay_block_statistics()
      #if arch(x86_64)
        switch instructions {
        case .avx512: unsafe assay_statistics_f32_avx512(buffer.baseAddress, count, &result)
        case .avx2: unsafe assay_statistics_f32_avx2(buffer.baseAddress, count, &result)
        case .portable: unsafe assay_statistics_f32(buffer.baseAddress, count, &result)
        }
      #else
        unsafe assay_statistics_f32(buffer.baseAddress, count, &result)
      #endif
      return result
    }
  }
}
