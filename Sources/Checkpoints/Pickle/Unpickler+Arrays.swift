internal import TensorCore

/// NumPy's arrays. They become tensors; arrays of Python objects, text or structures stay opaque.
extension Unpickler {
  /// `numpy.core.multiarray._reconstruct(class, shape, type)`: an array that BUILD fills.
  mutating func reconstructArray(_ arguments: [PickleValue]) -> PickleValue? {
    guard arguments.count == 3, case .global(let type) = arguments[0],
      heap.globals[type].qualifiedName == "numpy.ndarray",
      heap.integers(of: arguments[1]) == [0]
    else { return nil }
    var array = TorchTensor(elementType: .int8, sizes: [0], strides: [1], pickleOffset: opcodeStart)
    array.isArray = true
    return newTensor(array)
  }

  /// `ndarray.__setstate__((version, shape, type, is Fortran order, bytes))`.
  mutating func setArray(_ index: Int, state: PickleValue) throws(PickleProblem) {
    guard let parts = heap.elements(of: state), parts.count == 5,
      let shape = heap.integers(of: parts[1]), case .numpyType(let type) = parts[2],
      case .bool(let isFortran) = parts[3]
    else {
      throw .call(
        function: "numpy.ndarray", problem: "a state without shape, dtype, order and bytes")
    }
    try fill(
      index, type: heap.numpyTypes[type], shape: shape, isFortran: isFortran, bytes: parts[4])
  }

  /// `numpy.core.numeric._frombuffer(buffer, type, shape, order[, axes])`, as protocol 5 has it.
  /// With axes (since NumPy 2.3), the shape is the one in memory, and they put it in order.
  mutating func arrayFromBuffer(
    _ arguments: [PickleValue]
  ) throws(PickleProblem) -> PickleValue? {
    guard (4...5).contains(arguments.count), case .numpyType(let type) = arguments[1],
      let shape = heap.integers(of: arguments[2]), let order = arguments[3].stringValue,
      ["C", "F", "K"].contains(order)
    else { return nil }
    var axes = Array(shape.indices)
    if order == "K" {
      guard let last = arguments.dropFirst(4).first, let given = heap.integers(of: last),
        given.sorted() == axes
      else { return nil }
      axes = given
    }
    let array = newTensor(
      TorchTensor(elementType: .int8, sizes: [0], strides: [1], pickleOffset: opcodeStart))
    guard case .tensor(let index) = array else { return nil }
    try fill(
      index, type: heap.numpyTypes[type], shape: shape, isFortran: order == "F",
      bytes: arguments[0])
    heap.tensors[index].sizes = axes.map { shape[$0] }
    if heap.tensors[index].storage != nil {
      let strides = heap.tensors[index].strides
      heap.tensors[index].strides = axes.map { strides[$0] }
    }
    return .tensor(index)
  }

  private mutating func fill(
    _ index: Int, type: NumpyType, shape: [Int], isFortran: Bool, bytes: PickleValue
  ) throws(PickleProblem) {
    guard chargeCopies(2 * shape.count) else {
      throw .call(function: "numpy.ndarray", problem: "a shape that is copied too often")
    }
    heap.tensors[index].sizes = shape
    heap.tensors[index].isArray = false
    guard let elementType = type.elementType else {
      heap.tensors[index].elementType = nil
      heap.tensors[index].refusal =
        type.code.hasPrefix("O")
        ? "a NumPy array of Python objects"
        : "the NumPy dtype '\(type.code)' has no counterpart"
      // Objects may hold tensors of their own.
      heap.tensors[index].attributes = bytes
      return
    }
    guard let size = TensorShape(checking: shape).flatMap({ elementType.byteCount(for: $0) }) else {
      throw .call(
        function: "numpy.ndarray", problem: "\(elementType) \(shape) is not a possible size")
    }
    guard let data = data(of: bytes) else {
      throw .call(
        function: "numpy.ndarray",
        problem: "\(bytes.kind) in place of the bytes of a \(elementType) \(shape)")
    }
    guard heap.data[data].count == size else {
      throw .call(
        function: "numpy.ndarray",
        problem: "\(heap.data[data].count) bytes, expected \(size) for \(elementType) \(shape)")
    }
    var strides = [Int](repeating: 1, count: shape.count)
    var step = 1
    // The shape was checked to have a count.
    for place in isFortran ? Array(shape.indices) : shape.indices.reversed() {
      strides[place] = step
      step *= max(shape[place], 1)
    }
    let storage = newStorage(
      TorchStorage(
        key: "", elementType: nil, typeName: "numpy.ndarray", isUntyped: true, elementCount: size,
        rootCount: size, data: data))
    guard case .storage(let place) = storage else { return }
    heap.tensors[index].storage = place
    heap.tensors[index].elementType = elementType
    heap.tensors[index].strides = strides
    heap.tensors[index].isBigEndian = type.isBigEndian
  }

  /// `numpy.dtype(code, align, copy)`, to which BUILD gives the byte order.
  mutating func numpyType(_ arguments: [PickleValue]) -> PickleValue? {
    guard let code = arguments.first?.stringValue else { return nil }
    heap.weight += 2 * MemoryLayout<NumpyType>.stride
    heap.numpyTypes.append(NumpyType(code: code))
    return .numpyType(heap.numpyTypes.count - 1)
  }

  /// `dtype.__setstate__((version, order, base and shape, names, fields, …))`.
  mutating func setNumpyType(_ index: Int, state: PickleValue) throws(PickleProblem) {
    guard let values = heap.elements(of: state), values.count >= 2,
      let order = values[1].stringValue
    else { throw .call(function: "numpy.dtype", problem: "a state without a byte order") }
    heap.numpyTypes[index].isBigEndian = order == ">"
    for part in values.dropFirst(2).prefix(3) {
      if case .none = part { continue }
      heap.numpyTypes[index].isStructured = true
    }
  }
}
