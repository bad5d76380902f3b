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

  /// Copies the elements in row-major order.
  func gather(from source: RawSpan) -> ByteStorage {
    let width = description.elementType.blockBytes
    return ByteStorage(count: byteCount) { target in
      unsafe source.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { target in
          unsafe gather(source, into: target, width: width)
        }
      }
    }
  }

  private func gather(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, width: Int
  ) {
    let extents = description.shape.dimensions
    guard let last = extents.last, let lastStride = strides.last, byteCount > 0 else {
      unsafe target.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: source[byteOffset..<byteOffset + byteCount]))
      return
    }
    let outer = extents.count - 1
    var index = [Int](repeating: 0, count: outer)
    var row = byteOffset
    var place = 0
    while true {
      let step = lastStride * width
      if lastStride == 1 {
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[place..<place + last * width])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[row..<row + last * width]))
      } else {
        for element in 0..<last {
          let from = row + element * step
          let to = place + element * width
          for byte in 0..<width { unsafe target[to + byte] = unsafe source[from + byte] }
        }
      }
      place += last * width
      var dimension = outer - 1
      while dimension >= 0 {
        index[dimension] += 1
        row += strides[dimension] * width
        if index[dimension] < extents[dimension] { break }
        row -= strides[dimension] * width * extents[dimension]
        index[dimension] = 0
        dimension -= 1
      }
      if dimension < 0 { return }
    }
  }

  /// Reverses the bytes of every number: from big-endian to little-endian.
  static func swapped(_ bytes: RawSpan, type: ElementType) -> ByteStorage {
    let width =
      switch type {
      case .complex64, .complex128: type.blockBytes / 2
      default: type.blockBytes
      }
    return ByteStorage(count: bytes.byteCount) { target in
      unsafe bytes.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { target in
          for start in stride(from: 0, to: source.count, by: width) {
            for byte in 0..<width {
              unsafe target[start + byte] = unsafe source[start + width - 1 - byte]
            }
          }
        }
      }
    }
  }
}
