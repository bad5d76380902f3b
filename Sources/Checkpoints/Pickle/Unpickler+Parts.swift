internal import TensorCore

/// Tensors of torch that are made of several, or of none. Those that have parts are kept as a
/// dictionary of their parts; nothing is lost and nothing is computed.
extension Unpickler {
  /// `_rebuild_sparse_tensor(layout, parts)`: `x.indices`, `x.values` and so on.
  mutating func sparseParts(_ arguments: [PickleValue]) -> PickleValue? {
    guard arguments.count == 2, let layout = arguments[0].stringValue,
      let parts = heap.elements(of: arguments[1])
    else { return nil }
    let names: [String]
    switch layout {
    case "torch.sparse_coo": names = ["indices", "values", "size", "is_coalesced"]
    case "torch.sparse_csr", "torch.sparse_bsr":
      names = ["crow_indices", "col_indices", "values", "size"]
    case "torch.sparse_csc", "torch.sparse_bsc":
      names = ["ccol_indices", "row_indices", "values", "size"]
    default: return nil
    }
    guard parts.count == names.count || parts.count == 3 && layout == "torch.sparse_coo" else {
      return nil
    }
    return dictionary([("layout", .string(layout))] + zip(names, parts))
  }

  /// `_rebuild_qtensor(storage, offset, sizes, strides, parameters, …)`: the whole numbers as
  /// `x.int_repr`, beside `x.scale` and `x.zero_point`, or `x.scales` and `x.zero_points`.
  mutating func quantisedParts(
    _ function: String, _ arguments: [PickleValue]
  ) throws(PickleProblem) -> PickleValue? {
    guard arguments.count >= 5, let parameters = heap.elements(of: arguments[4]),
      case .global(let scheme)? = parameters.first,
      case .tensor(let index)? = try rebuildTensor(.rebuildTensorV2, function, arguments)
    else { return nil }
    if let storage = heap.tensors[index].storage {
      let whole: ElementType? =
        switch heap.storages[storage].typeName {
        case "torch.QInt8Storage": .int8
        case "torch.QUInt8Storage": .uint8
        case "torch.QInt32Storage": .int32
        default: nil
        }
      if let whole {
        // The whole numbers lie in the storage as such.
        let old = heap.storages[storage]
        heap.storages[storage] = TorchStorage(
          key: old.key, elementType: whole, typeName: old.typeName, isUntyped: false,
          elementCount: old.elementCount, viewOffset: old.viewOffset, rootCount: old.rootCount)
        heap.tensors[index].elementType = whole
        heap.tensors[index].refusal = nil
      }
    }
    let names =
      parameters.count == 3 ? ["scale", "zero_point"] : ["scales", "zero_points", "axis"]
    guard parameters.count == names.count + 1 else { return nil }
    return dictionary(
      [("int_repr", .tensor(index)), ("qscheme", .string(heap.globals[scheme].qualifiedName))]
        + zip(names, parameters.dropFirst()))
  }

  /// `_rebuild_nested_tensor(buffer, sizes, strides, offsets)`.
  mutating func nestedParts(_ arguments: [PickleValue]) -> PickleValue? {
    guard arguments.count == 4 else { return nil }
    return dictionary(
      Array(zip(["values", "nested_sizes", "nested_strides", "offsets"], arguments)))
  }

  /// `_rebuild_meta_tensor_no_storage(dtype, sizes, strides, …)` and `_rebuild_wrapper_subclass(
  /// class, dtype, sizes, strides, …)`: shapes without bytes.
  mutating func tensorWithoutBytes(
    _ arguments: ArraySlice<PickleValue>, reason: String
  ) -> PickleValue? {
    guard let sizes = arguments.dropFirst().first.flatMap({ heap.integers(of: $0) }),
      chargeCopies(sizes.count)
    else { return nil }
    var tensor = TorchTensor(elementType: nil, sizes: sizes, strides: [], pickleOffset: opcodeStart)
    tensor.refusal = reason
    return newTensor(tensor)
  }

  /// `_rebuild_device_tensor_from_numpy(array, dtype, device, …)` and its like: the array, unless
  /// it would be cast.
  mutating func tensorFromArray(_ arguments: [PickleValue]) -> PickleValue? {
    guard arguments.count >= 2, case .tensor(let index) = arguments[0],
      case .global(let global) = arguments[1],
      case .elementType(let type)? =
        heap.globals[global].known
    else { return nil }
    if let found = heap.tensors[index].elementType, found != type {
      heap.tensors[index].refusal =
        "it is saved as \(found) and cast to \(heap.globals[global].qualifiedName)"
    }
    return arguments[0]
  }

  private mutating func dictionary(_ items: [(String, PickleValue)]) -> PickleValue {
    var dictionary = PickleDictionary()
    for (key, value) in items { dictionary.set(.string(key), value) }
    return heap.newDictionary(dictionary)
  }
}
