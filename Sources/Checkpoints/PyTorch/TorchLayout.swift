internal import TensorCore

/// Where a tensor's elements lie in its storage, checked.
struct TorchLayout: Sendable {
  let description: TensorDescription
  /// Index of the storage in the pickle's heap; none for an array without elements.
  let storage: Int?
  /// Where the first element lies, in bytes from the start of the storage.
  let byteOffset: Int
  let byteCount: Int
  /// How the elements lie in their storage.
  let order: StridedElements.Order
  /// Whether the elements are as they are to be: contiguous, little-endian, with their own signs.
  let isInOrder: Bool

  /// The most bytes that a tensor may take when it repeats elements (stride 0, or overlapping
  /// rows), and so may be larger than its storage.
  static let repetitionLimit = 1 << 28

  /// Checks one tensor against its storage. All arithmetic on the pickle's numbers is checked.
  init(
    _ tensor: TorchTensor, type: ElementType, name: String, storageBytes: Int,
    isBigEndian: Bool = false
  ) throws(PyTorchError.Problem) {
    let invalid = PyTorchError.Problem.shape(
      tensor: name, sizes: tensor.sizes, strides: tensor.strides, offset: tensor.offset)
    // Of packed types, torch counts bytes.
    guard let shape = TensorShape(checking: tensor.sizes), !tensor.isPacked || shape.rank > 0,
      let full = TensorShape(checking: tensor.isPacked ? Self.doubled(tensor.sizes) : tensor.sizes),
      let count = type.byteCount(for: full), tensor.strides.count == shape.rank,
      tensor.offset >= 0, tensor.strides.allSatisfy({ $0 >= 0 })
    else { throw invalid }
    let width = type.blockBytes
    let available = storageBytes / width
    if shape.elementCount > 0 {
      var last = tensor.offset
      for (extent, stride) in zip(shape.dimensions, tensor.strides) {
        let (reach, first) = (extent - 1).multipliedReportingOverflow(by: stride)
        let (next, second) = last.addingReportingOverflow(reach)
        guard !first, !second else { throw invalid }
        last = next
      }
      guard last < available else {
        throw .outsideStorage(tensor: name, element: last, count: available)
      }
      guard shape.elementCount <= available || count <= Self.repetitionLimit else {
        throw .repetition(tensor: name, bytes: count, limit: Self.repetitionLimit)
      }
    }
    description = TensorDescription(name: name, elementType: type, shape: full)
    storage = tensor.storage
    byteOffset = shape.elementCount == 0 ? 0 : tensor.offset * width
    // The stride of a single row is never walked, so it may be any number; others are bounded by
    // the storage.
    let strides = zip(shape.dimensions, tensor.strides).map { $0 == 1 ? 0 : $1 }
    byteCount = count
    order = StridedElements.Order(
      elementType: type, shape: shape, strides: strides, byteOffset: byteOffset,
      isBigEndian: width > 1 && tensor.isBigEndian ?? isBigEndian, isNegated: tensor.isNegated,
      isConjugated: tensor.isConjugated && type.isComplex)
    let isContiguous =
      shape.elementCount == 0
      || zip(shape.dimensions, zip(tensor.strides, shape.rowMajorStrides)).allSatisfy {
        $0 == 1 || $1.0 == $1.1
      }
    isInOrder =
      isContiguous && !order.isBigEndian && !order.isNegated && !order.isConjugated
  }

  /// Whether the numbers have a bit for their sign, where signs are to be turned.
  var hasSigns: Bool {
    let type = description.elementType
    return !order.isNegated && !order.isConjugated || type.isPlainFloat || type.isComplex
  }

  private static func doubled(_ sizes: [Int]) -> [Int] {
    guard let last = sizes.last, last <= Int.max / 2 else { return sizes.map { _ in -1 } }
    return sizes.dropLast() + [2 * last]
  }
}

extension ElementType {
  /// Whether an element is two numbers.
  fileprivate var isComplex: Bool { self == .complex64 || self == .complex128 }
}
