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
    if let object = try archivedObject(identity) { return object }
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
    var storage = TorchStorage(
      key: key, elementType: elementType, typeName: global.qualifiedName, isUntyped: isUntyped,
      elementCount: count, rootCount: count)
    if parts.count > 5, case .tuple(let view) = parts[5] {
      storage = try viewed(storage, by: heap.sequences[view])
    }
    return newStorage(storage)
  }

  /// In the tar form, a persistent id is the number of a storage or tensor, or a class with its
  /// source.
  private func archivedObject(
    _ identity: PickleValue
  ) throws(PickleProblem) -> PickleValue? {
    guard let archived else { return nil }
    if let parts = persistentParts(identity), let first = parts.first { return first }
    guard let number = identity.integerValue ?? identity.stringValue.flatMap({ Int($0) }) else {
      throw .kind(expected: "the number of a storage or tensor", found: identity.kind)
    }
    guard let object = archived[number] else {
      throw .call(function: "persistent id", problem: "the archive has no tensor \(number)")
    }
    return object
  }

  /// A view of a storage, which torch 0.1 to 0.3 saved: `(key of the view, offset, count)`, counted
  /// in elements. A view is no storage of its own in the file.
  private func viewed(
    _ storage: TorchStorage, by view: [PickleValue]
  ) throws(PickleProblem) -> TorchStorage {
    guard view.count == 3, let offset = view[1].integerValue, let count = view[2].integerValue,
      offset >= 0, count >= 0, offset <= storage.rootCount, count <= storage.rootCount - offset
    else {
      throw .call(
        function: "storage",
        problem: "a view of storage '\(storage.key)' does not lie in its \(storage.rootCount) "
          + "elements")
    }
    return TorchStorage(
      key: storage.key, elementType: storage.elementType, typeName: storage.typeName,
      isUntyped: storage.isUntyped, elementCount: count, viewOffset: offset,
      rootCount: storage.rootCount)
  }

  mutating func newStorage(_ storage: TorchStorage) -> PickleValue {
    heap.weight += 2 * MemoryLayout<TorchStorage>.stride
    heap.storages.append(storage)
    return .storage(heap.storages.count - 1)
  }

  mutating func newTensor(_ tensor: TorchTensor) -> PickleValue {
    heap.weight += 2 * MemoryLayout<TorchTensor>.stride
    heap.tensors.append(tensor)
    return .tensor(heap.tensors.count - 1)
  }

  /// torch's builders: `(storage, offset, sizes, strides, …)`; the third form names the element
  /// type as its seventh argument (torch/_utils.py).
  mutating func rebuildTensor(
    _ callable: KnownGlobal.Callable, _ function: String, _ arguments: [PickleValue]
  ) throws(PickleProblem) -> PickleValue? {
    guard arguments.count >= 4, let offset = arguments[1].integerValue,
      let sizes = heap.integers(of: arguments[2]), let strides = heap.integers(of: arguments[3])
    else {
      throw .call(
        function: function, problem: "the arguments are no storage, offset, sizes and strides")
    }
    guard chargeCopies(sizes.count + strides.count) else { return nil }
    var tensor = TorchTensor(
      elementType: nil, offset: offset, sizes: sizes, strides: strides, pickleOffset: opcodeStart)
    switch arguments[0] {
    case .storage(let storage):
      tensor.storage = storage
      tensor.elementType = heap.storages[storage].elementType
      tensor.refusal = "the element type of \(heap.storages[storage].typeName) has no counterpart"
    case .object(let object):
      let name = heap.globals[heap.objects[object].global].qualifiedName
      tensor.refusal = "its storage is made by \(name), which is not called"
    default:
      throw .call(
        function: function, problem: "the arguments are no storage, offset, sizes and strides")
    }
    if callable == .rebuildTensorV3 {
      guard arguments.count >= 7, case .global(let index) = arguments[6] else {
        throw .call(function: function, problem: "the seventh argument is no dtype")
      }
      switch heap.globals[index].known {
      case .elementType(let type):
        tensor.elementType = type
        if type == nil {
          tensor.refusal =
            "the element type \(heap.globals[index].qualifiedName) has no counterpart"
        }
      case .packedElementType(let type):
        tensor.elementType = type
        tensor.isPacked = true
      default: throw .call(function: function, problem: "the seventh argument is no dtype")
      }
    }
    if tensor.storage != nil, tensor.elementType != nil { tensor.refusal = nil }
    // The last argument may say that the bytes are to be read conjugated or negated.
    let metadata = arguments.dropFirst(callable == .rebuildTensorV3 ? 7 : 6).first
    if case .dictionary(let index)? = metadata {
      if case .bool(true)? = heap.dictionaries[index]["conj"] { tensor.isConjugated = true }
      if case .bool(true)? = heap.dictionaries[index]["neg"] { tensor.isNegated = true }
    }
    return newTensor(tensor)
  }

  /// Whether copies of `count` more values stay in proportion to the pickle.
  mutating func chargeCopies(_ count: Int) -> Bool {
    copies += count + 1
    return copies <= bytes.count + 1024
  }
}
