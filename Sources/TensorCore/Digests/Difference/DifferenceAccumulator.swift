internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#endif

/// How far two values may be apart and still count as equal: |B − A| ≤ absolute + relative · |A|.
public struct Tolerance: Sendable, Hashable {
  /// The part that does not depend on the values.
  public var absolute: Double
  /// The part of the first value's size.
  public var relative: Double

  /// Allows nothing by default.
  public init(absolute: Double = 0, relative: Double = 0) {
    self.absolute = absolute
    self.relative = relative
  }
}

/// Gathers a `TensorDifference` from runs of the two tensors' elements, in one pass.
public struct DifferenceAccumulator {
  private let a: NumberBlocks
  private let b: NumberBlocks
  private let tolerance: Tolerance
  private let instructions: Processor.InstructionSet
  private var roundings: RoundingTest
  private var gathered = TensorDifference()

  /// The elements that are decoded at a time: a whole number of blocks of every type, and floats of
  /// both tensors that stay in the first-level cache.
  static let blockElements = 4096

  /// Starts without values; `nil` for packed types, whose values nobody here knows.
  public init?(_ a: ElementType, _ b: ElementType, tolerance: Tolerance = Tolerance()) {
    self.init(a, b, tolerance: tolerance, using: Processor.instructionSet)
  }

  init?(
    _ a: ElementType, _ b: ElementType, tolerance: Tolerance = Tolerance(),
    using instructions: Processor.InstructionSet
  ) {
    guard let first = NumberBlocks(a, using: instructions),
      let second = NumberBlocks(b, using: instructions),
      first.numbersPerElement == second.numbersPerElement
    else { return nil }
    (self.a, self.b) = (first, second)
    self.tolerance = tolerance
    self.instructions = instructions
    roundings = RoundingTest(a, b, using: instructions)
  }

  /// The figures of everything taken in.
  public var difference: TensorDifference {
    var difference = gathered
    difference.isSameBytes = difference.isSameBytes && a.type == b.type
    if difference.changedCount > 0 { difference.roundings = roundings.possible }
    return difference
  }

  /// Takes in the same run of elements of both tensors: a whole number of blocks of either type.
  ///
  /// Traps when the counts differ.
  public mutating func update(_ first: RawSpan, _ second: RawSpan) {
    let count = a.count(in: first)
    precondition(count == b.count(in: second), "element counts differ")
    let elements = count / a.numbersPerElement
    let instructions = instructions
    let (absolute, relative) = (tolerance.absolute, tolerance.relative)
    for start in stride(from: 0, to: elements, by: Self.blockElements) {
      let end = min(start + Self.blockElements, elements)
      let x = first.extracting(a.type.byteCount(of: start)..<a.type.byteCount(of: end))
      let y = second.extracting(b.type.byteCount(of: start)..<b.type.byteCount(of: end))
      if a.isSingle && b.isSingle {
        unsafe add(x, y, NumberBlocks.floats) {
          #if arch(x86_64)
            switch instructions {
            case .avx512:
              unsafe assay_difference_f32_avx512($0, $1, $2, absolute, relative, $3)
            case .avx2: unsafe assay_difference_f32_avx2($0, $1, $2, absolute, relative, $3)
            case .portable: unsafe assay_difference_f32($0, $1, $2, absolute, relative, $3)
            }
          #else
            unsafe assay_difference_f32($0, $1, $2, absolute, relative, $3)
          #endif
        }
      } else {
        unsafe add(x, y, NumberBlocks.doubles) {
          #if arch(x86_64)
            switch instructions {
            case .avx512:
              unsafe assay_difference_f64_avx512($0, $1, $2, absolute, relative, $3)
            case .avx2: unsafe assay_difference_f64_avx2($0, $1, $2, absolute, relative, $3)
            case .portable: unsafe assay_difference_f64($0, $1, $2, absolute, relative, $3)
            }
          #else
            unsafe assay_difference_f64($0, $1, $2, absolute, relative, $3)
          #endif
        }
      }
    }
  }

  /// Decodes one block of both tensors and compares it.
  @inline(__always)
  private mutating func add<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ x: RawSpan, _ y: RawSpan,
    _ decode: (NumberBlocks) -> (RawSpan, UnsafeMutableBufferPointer<Number>) -> Void,
    kernel: (
      UnsafePointer<Number>?, UnsafePointer<Number>?, Int,
      UnsafeMutablePointer<assay_block_difference>
    ) -> Void
  ) {
    let count = a.count(in: x)
    unsafe withUnsafeTemporaryAllocation(of: Number.self, capacity: 2 * count) { numbers in
      let left = unsafe UnsafeMutableBufferPointer(rebasing: numbers[..<count])
      let right = unsafe UnsafeMutableBufferPointer(rebasing: numbers[count...])
      unsafe decode(a)(x, left)
      unsafe decode(b)(y, right)
      var result = assay_block_difference()
      unsafe kernel(left.baseAddress, right.baseAddress, count, &result)
      unsafe take(result, left, right, codes: (x, y))
    }
  }

  /// Adds a block's figures, looks at what is not finite, and tests the roundings.
  private mutating func take<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ result: assay_block_difference, _ left: UnsafeMutableBufferPointer<Number>,
    _ right: UnsafeMutableBufferPointer<Number>, codes: (a: RawSpan, b: RawSpan)
  ) {
    var changed = Int(result.changed)
    gathered.count += left.count
    gathered.finiteCount += Int(result.finite)
    gathered.beyondCount += Int(result.beyond)
    gathered.maxAbs = max(gathered.maxAbs, result.greatest)
    gathered.sumAbs += result.sum
    gathered.sumSquares += result.squares
    gathered.sumSquaresA += result.squares_a
    gathered.sumSquaresB += result.squares_b
    gathered.sumProducts += result.product
    if Int(result.finite) < left.count { changed += unsafe countNonFinite(left, right) }
    if a.type == b.type, a.type == .int64 || a.type == .uint64 {
      changed += unsafe addCloseWords(codes.a, codes.b, left, right)
    }
    gathered.changedCount += changed
    if changed > 0 {
      gathered.isSameBytes = false
      if roundings.isOpen { unsafe roundings.update(left, right, codes: codes) }
    } else if gathered.isSameBytes, a.type == b.type {
      gathered.isSameBytes = Self.areSame(codes.a, codes.b)
    }
  }

  /// Counts the values that are NaN or infinite, and returns how many places with one differ.
  private mutating func countNonFinite<Number: BinaryFloatingPoint>(
    _ left: UnsafeMutableBufferPointer<Number>, _ right: UnsafeMutableBufferPointer<Number>
  ) -> Int {
    var changed = 0
    for index in 0..<left.count {
      let (x, y) = unsafe (left[index], right[index])
      if x.isFinite && y.isFinite { continue }
      gathered.nonFiniteCountA += x.isFinite ? 0 : 1
      gathered.nonFiniteCountB += y.isFinite ? 0 : 1
      changed += x == y || x.isNaN && y.isNaN ? 0 : 1
    }
    gathered.nonFiniteChangedCount += changed
    gathered.beyondCount += changed
    return changed
  }

  /// Adds the whole numbers that differ where doubles do not tell them apart, and returns how many.
  private mutating func addCloseWords<Number: BinaryFloatingPoint>(
    _ a: RawSpan, _ b: RawSpan, _ left: UnsafeMutableBufferPointer<Number>,
    _ right: UnsafeMutableBufferPointer<Number>
  ) -> Int {
    var changed = 0
    for index in 0..<left.count where unsafe left[index] == right[index] {
      let x = unsafe a.unsafeLoadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
      let y = unsafe b.unsafeLoadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
      guard x != y else { continue }
      changed += 1
      // Close together, so that the smaller of the two wrapped differences is the real one.
      let apart = Double(min(y &- x, x &- y))
      gathered.maxAbs = max(gathered.maxAbs, apart)
      gathered.sumAbs += apart
      gathered.sumSquares += apart * apart
      let bound = unsafe tolerance.absolute + tolerance.relative * Double(left[index]).magnitude
      gathered.beyondCount += apart > bound ? 1 : 0
    }
    return changed
  }

  private static func areSame(_ a: RawSpan, _ b: RawSpan) -> Bool {
    unsafe a.withUnsafeBytes { a in
      unsafe b.withUnsafeBytes { b -> Bool in
        guard let first = a.baseAddress, let second = b.baseAddress else { return true }
        return unsafe memcmp(first, second, a.count) == 0
      }
    }
  }
}
