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
  /// Those from one to the other that no value has ruled out.
  private var directed: Set<Rounding>
  /// Those of other numbers to both.
  private var shared: [SharedRounding]

  /// Those that no value has ruled out; that of other numbers to both where no other is left.
  var possible: Set<Rounding> {
    directed.isEmpty && !shared.isEmpty ? [.both] : directed
  }

  /// Whether any is left.
  var isOpen: Bool { !directed.isEmpty || !shared.isEmpty }

  init(_ first: ElementType, _ second: ElementType, using instructions: Processor.InstructionSet) {
    (self.first, self.second) = (first, second)
    self.instructions = instructions
    guard first.isDecodable, second.isDecodable else {
      (directed, shared) = ([], [])
      return
    }
    directed = Set(Self.targets(from: first, stored: second).map { .to($0) })
    directed.formUnion(Self.targets(from: second, stored: first).map { .from($0) })
    shared = SharedRounding.all(first, second)
  }

  /// The types through which numbers can have gone on their way from one type to another.
  private static func targets(from type: ElementType, stored: ElementType) -> [ElementType] {
    var targets: [ElementType] = [.float16, .bfloat16]
    if type == .float64 { targets.append(.float32) }
    if stored.isGGMLBlock, stored.isEncodable { targets.append(stored) }
    if stored.blockBytes == 1, RoundingInterval.table(stored) != nil { targets.append(stored) }
    if stored.isPlainFloat, type.isPlainFloat { targets += restored }
    return targets.filter { $0 != type }
  }

  /// The types that tensors were rounded to and restored from.
  private static let restored: [ElementType] = [
    .float8E4M3FN, .float8E5M2, .q80, .q40, .q41, .q50, .q51,
  ]

  /// Rules out what does not account for the values of a block.
  ///
  /// - Parameters:
  ///   - a: values of the first tensor, and their type: `Float` or `Double`.
  ///   - codes: the block's bytes as the tensors store them.
  mutating func update<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ a: UnsafeMutableBufferPointer<Number>, _ b: UnsafeMutableBufferPointer<Number>,
    codes: (a: RawSpan, b: RawSpan)
  ) {
    for rounding in directed {
      let isAccountedFor =
        switch rounding {
        case .to(let type): unsafe accounts(a, b, through: type, stored: second, codes.b)
        case .from(let type): unsafe accounts(b, a, through: type, stored: first, codes.a)
        case .both: false
        }
      if !isAccountedFor { directed.remove(rounding) }
    }
    // A rounding of one to the other's type is a rounding of the same numbers, too.
    shared = shared.filter { pair in
      if pair.a.isPlain, directed.contains(.to(pair.b.type)) { return true }
      if pair.b.isPlain, directed.contains(.from(pair.a.type)) { return true }
      return unsafe pair.accounts(a, b)
    }
  }

  private func accounts<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ source: UnsafeMutableBufferPointer<Number>, _ result: UnsafeMutableBufferPointer<Number>,
    through type: ElementType, stored: ElementType, _ codes: RawSpan
  ) -> Bool {
    if stored != type, Self.restored.contains(type) {
      return unsafe wasRestored(source, result, from: type, stored)
    }
    if let intervals = RoundingInterval.table(type) {
      return unsafe intervals.hold(source, result, codes)
    }
    let values = unsafe rounded(source, type, stored)
    for index in 0..<source.count {
      let (x, y, value) = unsafe (source[index], result[index], values[index])
      guard y == value || y == x || y.isNaN && (value.isNaN || x.isNaN) else { return false }
    }
    return true
  }

  /// Whether all numbers, those that did not change too, are what a smaller type gives back. What is
  /// not gives up at its first number.
  private func wasRestored<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ source: UnsafeMutableBufferPointer<Number>, _ result: UnsafeMutableBufferPointer<Number>,
    from type: ElementType, _ stored: ElementType
  ) -> Bool {
    if let side = RoundingSide(type, storedAs: stored) {
      for index in 0..<source.count {
        let (x, y) = unsafe (source[index], result[index])
        if x.isNaN && y.isNaN { continue }
        guard side.range(of: Double(y))?.contains(Double(x)) == true else { return false }
      }
      return true
    }
    guard source.count.isMultiple(of: type.blockElements) else { return false }
    for block in [0..<type.blockElements, type.blockElements..<source.count] {
      let part = unsafe UnsafeMutableBufferPointer(rebasing: source[block])
      let values = unsafe rounded(part, type, stored)
      for (place, value) in zip(block, values) {
        let y = unsafe result[place]
        guard y == value || y.isNaN && value.isNaN else { return false }
      }
    }
    return true
  }

  /// Numbers, rounded to a type and stored in another.
  private func rounded<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ source: UnsafeMutableBufferPointer<Number>, _ type: ElementType, _ stored: ElementType
  ) -> [Number] {
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
      (0..<source.count).map { index in
        unsafe values.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Number>.size, as: Number.self)
      }
    }
  }

  private func convert(_ bytes: RawSpan, _ from: ElementType, _ to: ElementType) -> [UInt8] {
    ElementConversion.convert(bytes, from: from, to: to)
  }

  private func convert(_ bytes: [UInt8], _ from: ElementType, _ to: ElementType) -> [UInt8] {
    unsafe convert(bytes.span.bytes, from, to)
  }
}
