internal import TensorCore

extension Unpickler {
  /// Takes note of a class or function.
  mutating func global(module: String, name: String) -> PickleValue {
    heap.weight += 4 * MemoryLayout<PickleGlobal>.stride
    heap.globals.append(
      PickleGlobal(
        module: module, name: name, offset: opcodeStart,
        known: KnownGlobal(module: module, name: name)))
    return .global(heap.globals.count - 1)
  }

  /// The opcodes that call a class or function.
  mutating func makeCall(_ opcode: Opcode) throws(PickleProblem) {
    var keywords: PickleValue = .none
    let callee: PickleValue
    let arguments: [PickleValue]
    switch opcode {
    case .instance:
      callee = global(module: try line(), name: try line())
      arguments = try popToMark()
    case .object:
      var values = try popToMark()
      guard !values.isEmpty else { throw .stackUnderflow }
      callee = values.removeFirst()
      arguments = values
    default:
      if opcode == .newObjectWithKeywords { keywords = try pop() }
      let tuple = try pop()
      callee = try pop()
      guard case .tuple(let index) = tuple else {
        throw .kind(expected: "a tuple of arguments", found: tuple.kind)
      }
      arguments = heap.sequences[index]
    }
    guard case .global(let index) = callee else {
      // Calling what a call returned, or an attribute of an object: as opaque as its callee.
      guard case .object(let object) = callee else {
        throw .kind(expected: "a class or function to call", found: callee.kind)
      }
      stack.append(opaque(heap.objects[object].global, arguments, keywords))
      return
    }
    var hasKeywords = false
    if case .dictionary(let index) = keywords {
      hasKeywords = !heap.dictionaries[index].entries.isEmpty
    }
    if !hasKeywords, case .callable(let callable)? = heap.globals[index].known,
      let value = try call(callable, heap.globals[index].qualifiedName, arguments)
    {
      stack.append(value)
    } else {
      stack.append(opaque(index, arguments, keywords))
    }
  }

  /// An object in place of a call that is not made.
  mutating func opaque(
    _ global: Int, _ arguments: [PickleValue], _ keywords: PickleValue
  ) -> PickleValue {
    heap.globals[global].isCalled = true
    var object = PickleObject(global: global, offset: opcodeStart)
    var all = arguments
    if case .dictionary = keywords { all.append(keywords) }
    if !all.isEmpty { object.arguments = .tuple(heap.newSequence(all)) }
    heap.weight += 2 * MemoryLayout<PickleObject>.stride
    heap.objects.append(object)
    return .object(heap.objects.count - 1)
  }

  /// The value that a known class or function makes of its arguments, or `nil` when they are
  /// unusual and the call stays opaque.
  mutating func call(
    _ callable: KnownGlobal.Callable, _ name: String, _ arguments: [PickleValue]
  ) throws(PickleProblem) -> PickleValue? {
    switch callable {
    case .dictionary, .orderedDictionary, .defaultDictionary:
      return newDictionary(callable == .defaultDictionary ? arguments.dropFirst() : arguments[...])
    case .list: return newSequence(arguments).map { .list($0) }
    case .tuple, .size: return newSequence(arguments).map { .tuple($0) }
    case .set: return newSequence(arguments).map { .set($0) }
    case .bytes:
      guard let first = arguments.first else { return .bytes([]) }
      switch (arguments.count, first) {
      case (1, .bytes): return first
      case (1, .data(let index)): return heap.data[index].isText ? nil : first
      case (2, _): return encoded(arguments)
      default: return nil
      }
    case .string, .integer, .float, .bool:
      guard arguments.count == 1 else { return nil }
      return switch (callable, arguments[0]) {
      case (.string, .string), (.integer, .integer), (.integer, .bigInteger), (.float, .float),
        (.bool, .bool):
        arguments[0]
      case (.float, .integer(let value)): .float(Double(value))
      case (.bool, .integer(let value)): .bool(value != 0)
      default: nil
      }
    case .complex:
      guard arguments.count == 2, case .float(let real) = arguments[0],
        case .float(let imaginary) = arguments[1]
      else { return nil }
      return .complex(real, imaginary)
    case .encode:
      return encoded(arguments)
    case .device:
      guard let type = arguments.first?.stringValue else { return nil }
      return .string(arguments.dropFirst().first?.integerValue.map { "\(type):\($0)" } ?? type)
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3:
      return try rebuildTensor(callable, name, arguments)
    case .rebuildParameter, .parameter:
      guard let first = arguments.first else { return nil }
      // A tensor of several parts is a dictionary of them.
      if case .dictionary = first { return first }
      guard case .tensor(let index) = first else { return nil }
      // `_rebuild_parameter_with_state` has Python attributes as its fourth argument.
      if arguments.count >= 4 { heap.tensors[index].attributes = arguments[3] }
      return first
    case .rebuildFromType:
      return try rebuildFromType(arguments)
    case .rebuildSparse: return sparseParts(arguments)
    case .rebuildQuantised: return try quantisedParts(name, arguments)
    case .rebuildNested: return nestedParts(arguments)
    case .rebuildMeta:
      return tensorWithoutBytes(arguments[...], reason: "it is a meta tensor, which has no bytes")
    case .rebuildWrapper:
      return tensorWithoutBytes(
        arguments.dropFirst(), reason: "it is a wrapper of other tensors, which has no bytes")
    case .rebuildFromArray: return tensorFromArray(arguments)
    case .layout:
      guard arguments.count == 1, let text = arguments[0].stringValue else { return nil }
      return .string(text)
    case .numpyType: return numpyType(arguments)
    case .numpyReconstruct: return reconstructArray(arguments)
    case .numpyFromBuffer: return try arrayFromBuffer(arguments)
    case .numpyScalar:
      guard arguments.count == 2, case .numpyType(let index) = arguments[0] else { return nil }
      return heap.numpyTypes[index].scalar(arguments[1])
    }
  }

  /// How Python 3 writes bytes for protocols 0 to 2: text whose characters are the bytes.
  private mutating func encoded(_ arguments: [PickleValue]) -> PickleValue? {
    guard arguments.count >= 2, ["latin1", "latin-1"].contains(arguments[1].stringValue) else {
      // Without an encoding it is UTF-8.
      guard arguments.count == 1, let text = arguments[0].stringValue else { return nil }
      return .bytes(Array(text.utf8))
    }
    if case .data(let index)? = arguments.first {
      guard heap.data[index].isText else { return nil }
      return newData(PickleData(place: heap.data[index].place, count: heap.data[index].count))
    }
    guard let text = arguments.first?.stringValue else { return nil }
    let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
    return bytes.count == text.unicodeScalars.count ? .bytes(bytes) : nil
  }

  private mutating func newSequence(_ arguments: [PickleValue]) -> Int? {
    guard let first = arguments.first else { return heap.newSequence([]) }
    guard arguments.count == 1 else { return nil }
    let elements: [PickleValue]
    switch first {
    case .tuple(let index), .list(let index), .set(let index): elements = heap.sequences[index]
    default: return nil
    }
    // A copy costs the pickle only a few bytes; repeated, it must not cost us the memory.
    guard chargeCopies(elements.count) else { return nil }
    return heap.newSequence(elements)
  }

  /// A dictionary of another one's items, or of a sequence of pairs.
  private mutating func newDictionary(_ arguments: ArraySlice<PickleValue>) -> PickleValue? {
    guard let first = arguments.first else { return heap.newDictionary() }
    guard arguments.count == 1 else { return nil }
    var copy = PickleDictionary()
    if case .dictionary(let index) = first {
      copy = heap.dictionaries[index]
    } else {
      guard let elements = heap.elements(of: first), chargeCopies(elements.count) else {
        return nil
      }
      for element in elements {
        guard let pair = heap.elements(of: element), pair.count == 2 else { return nil }
        copy.set(pair[0], pair[1])
      }
    }
    guard chargeCopies(copy.entries.count) else { return nil }
    return heap.newDictionary(copy)
  }

  /// `torch._tensor._rebuild_from_type_v2(function, type, arguments, state)`: a tensor subclass.
  private mutating func rebuildFromType(
    _ arguments: [PickleValue]
  ) throws(PickleProblem) -> PickleValue? {
    guard arguments.count == 4, case .global(let function) = arguments[0],
      case .global = arguments[1],
      case .callable(let inner)? = heap.globals[function].known, inner != .rebuildFromType,
      let values = heap.elements(of: arguments[2]),
      let value = try call(inner, heap.globals[function].qualifiedName, values)
    else { return nil }
    if case .tensor(let index) = value {
      // What a wrapper holds are its attributes.
      if inner == .rebuildWrapper, holdsTensors(arguments[3]) { return arguments[3] }
      heap.tensors[index].attributes = arguments[3]
    }
    return value
  }

  private func holdsTensors(_ value: PickleValue) -> Bool {
    guard case .dictionary(let index) = value else { return false }
    return heap.dictionaries[index].entries.contains { $0.value.isTensor }
  }

  /// The BUILD opcode: the state of an object.
  mutating func build(_ target: PickleValue, state: PickleValue) throws(PickleProblem) {
    switch target {
    case .dictionary(let index): heap.attributes[index] = state
    case .object(let index): heap.objects[index].state = state
    case .tensor(let index):
      if heap.tensors[index].isArray {
        try setArray(index, state: state)
      } else {
        heap.tensors[index].attributes = state
      }
    case .numpyType(let index): try setNumpyType(index, state: state)
    default:
      throw .kind(expected: "an object to set the state of", found: target.kind)
    }
  }
}

extension NumpyType {
  /// The number that a numpy scalar's bytes hold; `nil` for types we do not know.
  func scalar(_ value: PickleValue) -> PickleValue? {
    var bytes: [UInt8]
    switch value {
    case .bytes(let raw): bytes = raw
    case .string(let text): bytes = Array(text.utf8)
    default: return nil
    }
    guard let kind = code.first, let width = Int(code.dropFirst()), width == bytes.count,
      [1, 2, 4, 8].contains(width)
    else { return nil }
    if isBigEndian { bytes.reverse() }
    let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    switch (kind, width) {
    case ("f", 8): return .float(Double(bitPattern: bits))
    case ("f", 4): return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case ("f", 2): return .float(Self.half(UInt16(truncatingIfNeeded: bits)))
    case ("b", 1): return .bool(bits != 0)
    case ("i", _): return Unpickler.whole(bytes[...])
    case ("u", _): return Unpickler.whole((bytes + [0])[...].prefix(width < 8 ? width + 1 : 9))
    default: return nil
    }
  }

  /// The value of an IEEE half, by its definition.
  private static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF) / 1024
    return switch exponent {
    case 0: sign * fraction * 0x1p-14
    case 31: fraction == 0 ? sign * .infinity : .nan
    default: sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    }
  }
}
