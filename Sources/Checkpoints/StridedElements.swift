package import TensorCore

/// Elements that are not as a tensor's are to be: not one behind the other (a view that torch saved,
/// an array in Fortran's order) or big-endian. They are put in order as they are asked for.
struct StridedElements: BlockProvider {
  /// How the elements lie in some bytes. The reader has checked that they lie inside.
  struct Order {
    let elementType: ElementType
    let shape: TensorShape
    /// The distance from one element to the next of each dimension, in elements.
    let strides: [Int]
    /// Where the first element lies.
    var byteOffset = 0
    var isBigEndian = false
    /// Whether all signs are to be turned: torch does so lazily, with its `neg` and `conj` bits.
    var isNegated = false
    /// Whether the signs of the imaginary parts are to be turned.
    var isConjugated = false
  }

  let count: Int
  let blockBytes: Int
  private let order: Order
  private let storage: ByteStorage
  private let range: Range<Int>

  /// - Parameters:
  ///   - storage: what holds the bytes; what does not lie in memory or a mapping is copied.
  ///   - range: the bytes in which the order counts.
  init(_ order: Order, in storage: ByteStorage, _ range: Range<Int>) {
    self.order = order
    blockBytes = order.elementType.blockBytes
    count = order.shape.elementCount * blockBytes
    if storage.isInMemory {
      self.storage = storage
      self.range = range
    } else {
      self.storage = storage.withBytes(in: range) { ByteStorage(copying: $0) }
      self.range = 0..<range.count
    }
  }

  /// The elements as a view of a tensor.
  func view(of tensor: TensorDescription) -> TensorView {
    TensorView(description: tensor, storage: ByteStorage(self), byteRange: 0..<count)
  }

  func fillBlocks(_ target: inout MutableRawSpan, from element: Int) {
    storage.withBytes(in: range) { source in
      unsafe source.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { target in
          switch blockBytes {
          case 1: unsafe gather(source, target, from: element, UInt8.self)
          case 2: unsafe gather(source, target, from: element, UInt16.self)
          case 4: unsafe gather(source, target, from: element, UInt32.self)
          case 8: unsafe gather(source, target, from: element, UInt64.self)
          case 16: unsafe gather(source, target, from: element, UInt128.self)
          default: preconditionFailure("no element is \(blockBytes) bytes wide")
          }
        }
      }
    }
  }

  private func gather<Element: FixedWidthInteger & BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, from first: Int,
    _: Element.Type
  ) {
    let extents = order.shape.dimensions
    let outer = max(extents.count - 1, 0)
    let step = (order.strides.last ?? 1) * blockBytes
    let end = target.count
    // Where the first element stands, by dimension.
    var index = [Int](repeating: 0, count: outer)
    var column = first
    var row = order.byteOffset
    if let last = extents.last {
      column = first % last
      var rest = first / last
      for dimension in stride(from: outer - 1, through: 0, by: -1) {
        index[dimension] = rest % extents[dimension]
        row += index[dimension] * order.strides[dimension] * blockBytes
        rest /= extents[dimension]
      }
    }
    let signs = signs(Element.self)
    var place = 0
    while place < end {
      var from = row + column * step
      let rowEnd = min(end, place + ((extents.last ?? 1) - column) * blockBytes)
      while place < rowEnd {
        let element = unsafe source.loadUnaligned(fromByteOffset: from, as: Element.self)
        unsafe target.storeBytes(
          of: (order.isBigEndian ? swapped(element) : element) ^ signs, toByteOffset: place,
          as: Element.self)
        from += step
        place += blockBytes
      }
      column = 0
      var dimension = outer - 1
      while dimension >= 0 {
        index[dimension] += 1
        row += order.strides[dimension] * blockBytes
        if index[dimension] < extents[dimension] { break }
        row -= order.strides[dimension] * blockBytes * extents[dimension]
        index[dimension] = 0
        dimension -= 1
      }
    }
  }

  /// The bits that turn the signs of an element.
  private func signs<Element: FixedWidthInteger>(_: Element.Type) -> Element {
    let last: Element = 1 << (Element.bitWidth - 1)
    switch order.elementType {
    case .complex64, .complex128:
      let first: Element = order.isNegated ? 1 << (Element.bitWidth / 2 - 1) : 0
      return order.isNegated != order.isConjugated ? first | last : first
    default: return order.isNegated ? last : 0
    }
  }

  /// The bytes of a number the other way round; a complex number is two of them.
  private func swapped<Element: FixedWidthInteger>(_ element: Element) -> Element {
    switch order.elementType {
    case .complex64, .complex128:
      let half = Element.bitWidth / 2
      let swapped = element.byteSwapped
      return swapped << half | swapped >> half & ~(~0 << half)
    default: return element.byteSwapped
    }
  }
}

extension TensorView {
  /// A matrix with rows and columns exchanged, `[O, I]` to `[I, O]`, put in order as it is asked for.
  ///
  /// Traps for anything but a matrix of plain elements.
  package func transposed(as description: TensorDescription) -> TensorView {
    precondition(shape.rank == 2 && elementType.blockElements == 1, "not a matrix of elements")
    let order = StridedElements.Order(
      elementType: elementType, shape: TensorShape([shape[1], shape[0]]),
      strides: [1, shape[1]])
    return StridedElements(order, in: storage, byteRange).view(of: description)
  }
}
