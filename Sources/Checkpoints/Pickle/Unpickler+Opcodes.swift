extension Unpickler {
  /// Does what one opcode says.
  mutating func follow(_ opcode: Opcode) throws(PickleProblem) {
    switch opcode {
    case .proto:
      let version = Int(try byte())
      guard version <= 5 else { throw .protocolVersion(version) }
    case .frame:
      // A frame is a hint for buffering. Its length must still be one.
      guard let length = Int(exactly: try number(8)), length <= bytes.count - position else {
        throw .truncated
      }
    case .mark: marks.append(stack.count)
    case .pop:
      // POP also takes a mark when that is on top, as in CPython.
      if let mark = marks.last, mark == stack.count {
        marks.removeLast()
      } else {
        _ = try pop()
      }
    case .popMark: _ = try popToMark()
    case .duplicate: stack.append(try top)

    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .int, .long, .binInt, .binInt1, .binInt2, .long1, .long4, .float, .binFloat:
      stack.append(try numericValue(opcode))
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode,
      .binUnicode8, .binBytes, .shortBinBytes, .binBytes8, .byteArray8:
      stack.append(try textValue(opcode))

    case .emptyTuple: stack.append(.tuple(heap.newSequence([])))
    case .tuple: stack.append(.tuple(heap.newSequence(try popToMark())))
    case .tuple1, .tuple2, .tuple3:
      var elements: [PickleValue] = []
      for _ in 0...(opcode.rawValue - Opcode.tuple1.rawValue) { elements.append(try pop()) }
      stack.append(.tuple(heap.newSequence(elements.reversed())))
    case .emptyList: stack.append(.list(heap.newSequence([])))
    case .list: stack.append(.list(heap.newSequence(try popToMark())))
    case .emptySet: stack.append(.set(heap.newSequence([])))
    case .frozenSet: stack.append(.set(heap.newSequence(try popToMark())))
    case .emptyDictionary: stack.append(heap.newDictionary())
    case .dictionary:
      let elements = try popToMark()
      let dictionary = heap.newDictionary()
      stack.append(dictionary)
      try setItems(elements, of: dictionary)

    case .append:
      let element = try pop()
      try append([element], to: try top)
    case .appends, .addItems:
      let elements = try popToMark()
      try append(elements, to: try top)
    case .setItem:
      let value = try pop()
      let key = try pop()
      try setItems([key, value], of: try top)
    case .setItems:
      let elements = try popToMark()
      try setItems(elements, of: try top)
    case .extension1, .extension2, .extension4, .nextBuffer, .readOnlyBuffer:
      // They need what Python's own process holds: a registry, buffers beside the pickle.
      throw .opcode(opcode.rawValue)

    case .put, .binPut, .longBinPut:
      memo[try memoIndex(opcode)] = try top
    case .memoize: memo[memo.count] = try top
    case .get, .binGet, .longBinGet:
      let index = try memoIndex(opcode)
      guard let value = memo[index] else { throw .memo(index) }
      stack.append(value)

    case .global: stack.append(global(module: try line(), name: try line()))
    case .stackGlobal:
      let name = try pop()
      let module = try pop()
      guard let name = name.stringValue, let module = module.stringValue else {
        throw .kind(
          expected: "two strings that name a class or function",
          found: "\(module.kind) and \(name.kind)")
      }
      stack.append(global(module: module, name: name))
    case .reduce, .newObject, .newObjectWithKeywords, .instance, .object: try makeCall(opcode)
    case .build:
      let state = try pop()
      try build(try top, state: state)
    case .persistent: stack.append(try persistent(.string(try line())))
    case .binPersistent:
      let identity = try pop()
      stack.append(try persistent(identity))
    }
  }

  private mutating func memoIndex(_ opcode: Opcode) throws(PickleProblem) -> Int {
    switch opcode {
    case .binPut, .binGet: return Int(try number(1))
    case .longBinPut, .longBinGet: return Int(try number(4))
    default:
      let text = try line()
      guard case .integer(let index)? = PythonLiteral.integer(text, base: 10), index >= 0 else {
        throw .argument("'\(text)' is no memo index")
      }
      return index
    }
  }

  private mutating func numericValue(_ opcode: Opcode) throws(PickleProblem) -> PickleValue {
    switch opcode {
    case .binInt: return .integer(Int(Int32(truncatingIfNeeded: try number(4))))
    case .binInt1: return .integer(Int(try number(1)))
    case .binInt2: return .integer(Int(try number(2)))
    case .long1: return Self.whole(try counted(1))
    case .long4:
      // A number of more than 32,000 bits is none that is looked at.
      let bytes = try countedBytes(4)
      if case .bytes(let bytes) = bytes { return Self.whole(bytes[...]) }
      return bytes
    case .binFloat:
      let bits = try take(8).reduce(0) { $0 << 8 | UInt64($1) }
      return .float(Double(bitPattern: bits))
    case .float:
      let text = try line()
      guard let value = PythonLiteral.float(text) else {
        throw .argument("'\(text)' is no number")
      }
      return .float(value)
    case .int:
      let text = try line()
      // Protocol 0 has no Booleans: I00 and I01 stand for them.
      if text == "00" || text == "01" { return .bool(text == "01") }
      guard let value = PythonLiteral.integer(text, base: 0) else {
        throw .argument("'\(text)' is no whole number")
      }
      return value
    default:
      let text = try line()
      let digits = text.hasSuffix("L") ? String(text.dropLast()) : text
      guard let value = PythonLiteral.integer(digits, base: 0) else {
        throw .argument("'\(text)' is no whole number")
      }
      return value
    }
  }

  private mutating func textValue(_ opcode: Opcode) throws(PickleProblem) -> PickleValue {
    switch opcode {
    case .binUnicode: return try countedText(4)
    case .shortBinUnicode: return .string(try text(try counted(1)))
    case .binUnicode8: return try countedText(8)
    case .binString: return oldString(try counted(4))
    case .shortBinString: return oldString(try counted(1))
    case .binBytes: return try countedBytes(4)
    case .shortBinBytes: return .bytes(Array(try counted(1)))
    case .binBytes8, .byteArray8: return try countedBytes(8)
    case .unicode:
      guard let text = PythonLiteral.rawUnicode(try lineBytes()) else {
        throw .argument("an escape in a string is no character")
      }
      return .string(text)
    default:
      guard let bytes = PythonLiteral.quoted(try lineBytes()) else {
        throw .argument("a string without quotes, or with an escape that is none")
      }
      return oldString(bytes[...])
    }
  }

  mutating func append(
    _ elements: [PickleValue], to target: PickleValue
  ) throws(PickleProblem) {
    heap.weight += PickleHeap.elementWeight * elements.count
    switch target {
    case .list(let index), .set(let index): heap.sequences[index].append(contentsOf: elements)
    case .object(let index): heap.objects[index].elements.append(contentsOf: elements)
    default: throw .kind(expected: "a list or set to append to", found: target.kind)
    }
  }

  func pairs(
    _ elements: [PickleValue]
  ) throws(PickleProblem) -> [(PickleValue, PickleValue)] {
    guard elements.count.isMultiple(of: 2) else {
      throw .argument("a key without a value")
    }
    return stride(from: 0, to: elements.count, by: 2).map { (elements[$0], elements[$0 + 1]) }
  }

  mutating func setItems(
    _ elements: [PickleValue], of target: PickleValue
  ) throws(PickleProblem) {
    heap.weight += 3 * PickleHeap.elementWeight * elements.count
    for (key, value) in try pairs(elements) {
      switch target {
      case .dictionary(let index): heap.dictionaries[index].set(key, value)
      case .object(let index): heap.objects[index].items.set(key, value)
      default: throw .kind(expected: "a dictionary to set items of", found: target.kind)
      }
    }
  }
}
