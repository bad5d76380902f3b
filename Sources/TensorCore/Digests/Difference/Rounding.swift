/// A loss of digits that turns one tensor into another.
public enum Rounding: Sendable, Hashable {
  /// The second tensor is the first, rounded to a type and stored in its own.
  case to(ElementType)
  /// The first tensor is the second, rounded to a type and stored in its own.
  case from(ElementType)
  /// Both are the same numbers, rounded each to its own type.
  case both

  /// The type with the fewest digits that the numbers went through, if it is one.
  public var elementType: ElementType? {
    switch self {
    case .to(let type), .from(let type): type
    case .both: nil
    }
  }
}

extension Set<Rounding> {
  /// The type with the fewest digits that the numbers are known to have gone through.
  public var narrowest: ElementType? {
    compactMap(\.elementType).min { $0.significandBits < $1.significandBits }
  }
}

extension ElementType {
  /// The digits of a float, for comparing types by their precision; block types count by width.
  fileprivate var significandBits: Int {
    switch self {
    case .float64: 53
    case .float32: 24
    case .float16: 11
    case .bfloat16: 8
    case .float8E4M3FN, .float8E4M3FNUZ: 4
    case .float8E5M2, .float8E5M2FNUZ: 3
    default: blockBytes * 8 / blockElements
    }
  }
}

/// Which roundings are still able to account for every changed value of a pair of tensors.
struct RoundingTest {
  private let (first, second): (ElementType, ElementType)
  private let instructions: Processor.InstructionSet
  /// Those that no value has ruled out.
  private(set) var possible: Set<Rounding>

  init(_ first: ElementType, _ second: ElementType, using instructions: Processor.InstructionSet) {
    (self.first, self.second) = (first, second)
    self.instructions = instructions
    guard first.isDecodable, second.isDecodable else {
      possible = []
      return
    }
    possible = Set(Self.targets(from: first, stored: second).map { .to($0) })
    possible.formUnion(Self.targets(from: second, stored: first).map { .from($0) })
    if Set([first, second]) == [.float16, .bfloat16] { possible.insert(.both) }
  }

  /// The types through which numbers can have gone on their way from one type to another.
  private static func targets(from type: ElementType, stored: ElementType) -> [ElementType] {
    var targets: [ElementType] = [.float16, .bfloat16]
    if type == .float64 { targets.append(.float32) }
    if stored.isGGMLBlock, stored.isEncodable { targets.append(stored) }
    if stored.blockBytes == 1, RoundingInterval.table(stored) != nil { targets.append(stored) }
    return targets.filter { $0 != type }
  }

  /// Rules out what does not account for the values of a block.
  ///
  /// - Parameters:
  ///   - a: values of the first tensor, and their type: `Float` or `Double`.
  ///   - codes: the block's bytes as the tensors store them.
  mutating func update<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ a: UnsafeMutableBufferPointer<Number>, _ b: UnsafeMutableBufferPointer<Number>,
    codes: (a: RawSpan, b: RawSpan)
  ) {
    for rounding in possible {
      let isAccountedFor =
        switch rounding {
        case .to(let type): unsafe accounts(a, b, through: type, stored: second, codes.b)
        case .from(let type): unsafe accounts(b, a, through: type, stored: first, codes.a)
        case .both: unsafe areNeighbours(a, b)
        }
      if !isAccountedFor { possible.remove(rounding) }
    }
  }

  private func accounts<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ source: UnsafeMutableBufferPointer<Number>, _ result: UnsafeMutableBufferPointer<Number>,
    through type: ElementType, stored: ElementType, _ codes: RawSpan
  ) -> Bool {
    if let intervals = RoundingInterval.table(type) {
      return unsafe intervals.hold(source, result, codes)
    }
    let own: ElementType = Number.self == Double.self ? .float64 : .float32
    let bytes = unsafe UnsafeRawBufferPointer(source).bytes
    var rounded = convert(bytes, own, type)
    var last = type
    if stored != type, [.float16, .bfloat16, .float32].contains(stored) {
      rounded = convert(rounded, type, stored)
      last = stored
    }
    let values = convert(rounded, last, own)
    return unsafe values.withUnsafeBytes { values in
      for index in 0..<source.count {
        let value = unsafe values.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Number>.size, as: Number.self)
        let (x, y) = unsafe (source[index], result[index])
        guard y == value || y == x || y.isNaN && (value.isNaN || x.isNaN) else { return false }
      }
      return true
    }
  }

  private func convert(_ bytes: RawSpan, _ from: ElementType, _ to: ElementType) -> [UInt8] {
    ElementConversion.convert(bytes, from: from, to: to)
  }

  private func convert(_ bytes: [UInt8], _ from: ElementType, _ to: ElementType) -> [UInt8] {
    unsafe convert(bytes.span.bytes, from, to)
  }

  /// Whether an f16 and a bf16 are never further apart than half a step of each.
  private func areNeighbours<Number: BinaryFloatingPoint>(
    _ a: UnsafeMutableBufferPointer<Number>, _ b: UnsafeMutableBufferPointer<Number>
  ) -> Bool {
    for index in 0..<a.count {
      let (x, y) = unsafe (a[index], b[index])
      guard x.isFinite, y.isFinite else {
        if x == y || x.isNaN && y.isNaN { continue }
        return false
      }
      let size = max(x.magnitude, y.magnitude)
      // The steps are 2⁻⁷ and 2⁻¹⁰ of the power of two below; the least f16 is 2⁻²⁴.
      let power = size == 0 ? 0 : Number(sign: .plus, exponent: size.exponent, significand: 1)
      let step = max(power / 1024, Number(sign: .plus, exponent: -24, significand: 1))
      guard (x - y).magnitude <= (power / 128 + step) / 2 else { return false }
    }
    return true
  }
}
