/// One of two tensors that may be roundings of the same numbers: to which type they were rounded.
struct RoundingSide: Sendable, Hashable {
  /// The type that the numbers were rounded to.
  let type: ElementType
  private let grid: FloatGrid
  /// The type that they were stored in afterwards, if it is another.
  private let storage: FloatGrid?

  /// Whether the numbers stand as they were rounded.
  var isPlain: Bool { storage == nil }

  /// The roundings that a tensor of a type can have behind it: to its own type, or to a smaller one
  /// whose numbers its own holds.
  static func sides(storedAs stored: ElementType) -> [RoundingSide] {
    let smaller: [ElementType] =
      switch stored {
      case .float32, .float64: [.float16, .bfloat16, .float8E4M3FN, .float8E5M2]
      case .float16: [.bfloat16, .float8E4M3FN, .float8E5M2]
      case .bfloat16: [.float8E4M3FN, .float8E5M2]
      default: []
      }
    let own = [.float16, .bfloat16, .float8E4M3FN, .float8E5M2].contains(stored) ? [stored] : []
    return (own + smaller).compactMap { RoundingSide($0, storedAs: stored) }
  }

  /// `nil` for types whose steps are not known.
  init?(_ type: ElementType, storedAs stored: ElementType) {
    guard let grid = FloatGrid(type) else { return nil }
    self.type = type
    self.grid = grid
    storage = stored == type ? nil : FloatGrid(stored)
  }

  /// The numbers that become one that is stored; `nil` where none does.
  func range(of value: Double) -> ClosedRange<Double>? { grid.range(of: value, storedIn: storage) }
}

/// Two tensors as roundings of the same numbers, each to a type of its own.
struct SharedRounding: Sendable, Hashable {
  let a: RoundingSide
  let b: RoundingSide

  /// All that tensors of two types can be.
  static func all(_ first: ElementType, _ second: ElementType) -> [SharedRounding] {
    RoundingSide.sides(storedAs: first).flatMap { a in
      RoundingSide.sides(storedAs: second).compactMap { b in
        a.type == b.type ? nil : SharedRounding(a: a, b: b)
      }
    }
  }

  /// Whether some number rounds to each pair.
  func accounts<Number: BinaryFloatingPoint>(
    _ a: UnsafeMutableBufferPointer<Number>, _ b: UnsafeMutableBufferPointer<Number>
  ) -> Bool {
    let isPlain = self.a.isPlain && self.b.isPlain
    for index in 0..<a.count {
      let (x, y) = unsafe (a[index], b[index])
      if x.isNaN && y.isNaN || isPlain && x == y { continue }
      guard let left = self.a.range(of: Double(x)), let right = self.b.range(of: Double(y)),
        left.overlaps(right)
      else { return false }
    }
    return true
  }
}
