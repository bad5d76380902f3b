internal import TensorCore

/// Where a tensor's elements lie in its storage, checked.
struct TorchLayout: Sendable {
  let description: TensorDescription
  /// Index of the storage in the pickle's heap.
  let storage: Int
  /// Where the first element lies, in bytes from the start of the storage.
  let byteOffset: Int
  /// In elements.
  let strides: [Int]
  let isContiguous: Bool
  let byteCount: Int

  /// The most bytes that a tensor may take when it repeats elements (stride 0, or overlapping
  /// rows), and so may be larger than its storage.
  static let repetitionLimit = 1 << 28

  /// Checks one tensor against its storage. All arithmetic on the pickle's numbers is checked.
  init(
    _ tensor: TorchTensor, type: ElementType, name: String, storageBytes: Int
  ) throws(PyTorchError.Problem) {
    let invalid = PyTorchError.Problem.shape(
      tensor: name, sizes: tensor.sizes, strides: tensor.strides, offset: tensor.offset)
    guard let shape = TensorShape(checking: tensor.sizes),
      let count = type.byteCount(for: shape), tensor.strides.count == shape.rank,
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
    description = TensorDescription(name: name, elementType: type, shape: shape)
    storage = tensor.storage
    byteOffset = shape.elementCount == 0 ? 0 : tensor.offset * width
    // The stride of a single row is never walked, so it may be any number; others are bounded by
    // the storage.
    strides = zip(shape.dimensions, tensor.strides).map { $0 == 1 ? 0 : $1 }
    byteCount = count
    isContiguous =
      shape.elementCount == 0
      || zip(shape.dimensions, zip(tensor.strides, shape.rowMajorStrides)).allSatisfy {
        $0 == 1 || $1.0 == $1.1
      }
  }

  /// How the elements lie in their storage.
  func order(isBigEndian: Bool) -> StridedElements.Order {
    StridedElements.Order(
      elementType: description.elementType, shape: description.shape, strides: strides,
      byteOffset: byteOffset, isBigEndian: isBigEndian)
  }
}
