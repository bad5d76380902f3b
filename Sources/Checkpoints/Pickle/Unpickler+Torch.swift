internal import TensorCore

extension Unpickler {
  /// What a persistent id stands for. torch uses them for storages:
  /// `('storage', class, key, location, element count[, view])`, and in its oldest form for the
  /// source of a module: `('module', class, file, source)`.
  func persistentParts(_ identity: PickleValue) -> [PickleValue]? {
    guard case .tuple(let index) = identity else { return nil }
    return heap.sequences[index]
  }

  mutating func persistent(_ identity: PickleValue) throws(PickleProblem) -> PickleValue {
    let parts = persistentParts(identity) ?? []
    if parts.first?.stringValue == "module", parts.count >= 2 { return parts[1] }
    guard parts.first?.stringValue == "storage", parts.count >= 5 else {
      throw .kind(expected: "a persistent id of a storage", found: identity.kind)
    }
    guard case .global(let index) = parts[1], let key = parts[2].stringValue,
      let count = parts[4].integerValue, count >= 0
    else {
      throw .call(
        function: "storage", problem: "the persistent id has not a class, a key and a count")
    }
    if parts.count > 5, case .tuple = parts[5] {
      throw .call(function: "storage", problem: "views of storages are not supported")
    }
    let global = heap.globals[index]
    let elementType: ElementType?
    var isUntyped = false
    switch global.known {
    case .storageType(let type): elementType = type
    case .untypedStorage:
      elementType = nil
      isUntyped = true
    default:
      throw .call(function: "storage", problem: "\(global.qualifiedName) is no class of storages")
    }
    heap.weight += 2 * MemoryLayout<TorchStorage>.stride
    heap.storages.append(
      TorchStorage(
        key: key, elementType: elementType, typeName: global.qualifiedName, isUntyped: isUntyped,
        elementCount: count))
    return .storage(heap.storages.count - 1)
  }

  /// torch's builders: `(storage, offset, sizes, strides, …)`; the third form names the element
  /// type as its seventh argument (torch/_utils.py).
  mutating func rebuildTensor(
    _ callable: KnownGlobal.Callable, _ function: String, _ arguments: [PickleValue]
  ) throws(PickleProblem) -> PickleValue? {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      let offset = arguments[1].integerValue, let sizes = heap.integers(of: arguments[2]),
      let strides = heap.integers(of: arguments[3])
    else {
      throw .call(
        function: function, problem: "the arguments are no storage, offset, sizes and strides")
    }
    guard chargeCopies(sizes.count + strides.count) else { return nil }
    var elementType = heap.storages[storage].elementType
    if callable == .rebuildTensorV3 {
      guard arguments.count >= 7, case .global(let index) = arguments[6],
        case .elementType(let type)? = heap.globals[index].known
      else { throw .call(function: function, problem: "the seventh argument is no dtype") }
      elementType = type
    }
    // The last argument may say that the bytes are to be read conjugated or negated.
    let metadata = arguments.dropFirst(callable == .rebuildTensorV3 ? 7 : 6).first
    if case .dictionary(let index)? = metadata {
      for key in ["conj", "neg"] {
        if case .bool(true)? = heap.dictionaries[index][key] { return nil }
      }
    }
    heap.weight += 2 * MemoryLayout<TorchTensor>.stride
    heap.tensors.append(
      TorchTensor(
        storage: storage, elementType: elementType, offset: offset, sizes: sizes,
        strides: strides, pickleOffset: opcodeStart))
    return .tensor(heap.tensors.count - 1)
  }

  /// Whether copies of `count` more values stay in proportion to the pickle.
  mutating func chargeCopies(_ count: Int) -> Bool {
    copies += count + 1
    return copies <= bytes.count + 1024
  }
}
