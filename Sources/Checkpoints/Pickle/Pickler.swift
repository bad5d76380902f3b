internal import TensorCore

/// Writes pickles of protocol 2 with the few things that a checkpoint needs.
struct Pickler {
  private(set) var bytes: [UInt8] = [Opcode.proto.rawValue, 2]
  private var memo: [String: UInt8] = [:]

  mutating func append(_ opcode: Opcode) { bytes.append(opcode.rawValue) }

  mutating func append(string text: String) {
    append(.binUnicode)
    append(UInt64(text.utf8.count), width: 4)
    bytes += Array(text.utf8)
  }

  mutating func append(integer number: Int) {
    if let small = Int32(exactly: number) {
      append(.binInt)
      append(UInt64(UInt32(bitPattern: small)), width: 4)
    } else {
      append(.long1)
      bytes.append(8)
      append(UInt64(bitPattern: Int64(number)), width: 8)
    }
  }

  private mutating func append(_ number: UInt64, width: Int) {
    for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
  }

  /// A class or function, in full the first time and from the memo after that.
  mutating func append(global module: String, _ name: String) {
    let key = "\(module)\n\(name)\n"
    if let index = memo[key] {
      append(.binGet)
      bytes.append(index)
      return
    }
    append(.global)
    bytes += Array(key.utf8)
    // There are far fewer than 256 names that we write.
    let index = UInt8(memo.count)
    memo[key] = index
    append(.binPut)
    bytes.append(index)
  }

  mutating func append(tuple numbers: [Int]) {
    append(.mark)
    for number in numbers { append(integer: number) }
    append(.tuple)
  }

  mutating func appendEmptyOrderedDictionary() {
    append(global: "collections", "OrderedDict")
    append(.emptyTuple)
    append(.reduce)
  }

  mutating func append(_ value: JSON) {
    switch value {
    case .null: append(.none)
    case .bool(let flag): append(flag ? .newTrue : .newFalse)
    case .integer(let number): append(integer: number)
    case .number(let number):
      append(.binFloat)
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (56 - 8 * $0)) }
    case .string(let text): append(string: text)
    case .array(let elements):
      append(.emptyList)
      append(.mark)
      for element in elements { append(element) }
      append(.appends)
    case .object(let object):
      append(.emptyDictionary)
      append(.mark)
      append(items: object)
      append(.setItems)
    }
  }

  mutating func append(items object: JSONObject) {
    for member in object.members {
      append(string: member.key)
      append(member.value)
    }
  }

  /// A contiguous tensor that fills its own storage, as torch pickles it: by the typed storage's
  /// class where there is one, and as the third form with an untyped storage otherwise.
  ///
  /// Returns whether torch has the element type.
  mutating func append(_ tensor: TensorDescription, key: String, byteCount: Int) -> Bool {
    let type = tensor.elementType
    guard let typeName = KnownGlobal.torchName(of: type) else { return false }
    let storageName = KnownGlobal.storageName(of: type)
    append(
      global: "torch._utils",
      storageName == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    append(.mark)
    append(.mark)
    append(string: "storage")
    if let storageName {
      append(global: "torch", storageName)
    } else {
      append(global: "torch.storage", "UntypedStorage")
    }
    append(string: key)
    append(string: "cpu")
    append(integer: storageName == nil ? byteCount : tensor.shape.elementCount)
    append(.tuple)
    append(.binPersistent)
    append(integer: 0)
    append(tuple: tensor.shape.dimensions)
    append(tuple: tensor.shape.rowMajorStrides)
    append(.newFalse)
    appendEmptyOrderedDictionary()
    if storageName == nil { append(global: "torch", typeName) }
    append(.tuple)
    append(.reduce)
    return true
  }

  /// Ends the pickle.
  mutating func finish() -> [UInt8] {
    bytes.append(UInt8(ascii: "."))
    return bytes
  }
}
