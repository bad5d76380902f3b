extension ElementType {
  /// Whether each element is one number that `NumberList` decodes: no packed type, no complex one.
  public var hasKnownNumbers: Bool {
    self != .complex64 && self != .complex128 && (blockElements == 1 || isGGMLBlock)
  }
}

/// The numbers of a run of elements, one by one: for small runs that people look at.
public struct NumberList: Sendable, Hashable {
  /// The numbers as doubles; a complex element is two. Whole numbers beyond 2⁵³ are rounded.
  public let values: [Double]

  /// Decodes a run of whole elements; nothing for packed types, whose values nobody here knows.
  public init(_ bytes: RawSpan, _ type: ElementType) {
    guard let blocks = NumberBlocks(type, using: Processor.instructionSet) else {
      values = []
      return
    }
    let count = blocks.count(in: bytes)
    values = unsafe [Double](unsafeUninitializedCapacity: count) { buffer, filled in
      unsafe blocks.doubles(bytes, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      filled = count
    }
  }
}
