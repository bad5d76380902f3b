extension Unpickler {
  /// Follows one pickle to its end and takes note of everything that Python would import or call,
  /// without ever giving up: what Python stops at is noted, and whatever stands behind it is
  /// followed all the same, so that nothing can hide behind an error that is only ours.
  ///
  /// Values that would take more than `weightLimit` are forgotten, and the pickle is swept without
  /// a stack from there.
  ///
  /// `position` is then behind the stop opcode, or where no opcode could be read.
  ///
  /// - Parameter base: what is added to offsets: where `bytes` start in the member or file.
  mutating func followTracing(from base: Int = 0) -> PickleTrace {
    trace = PickleTrace(base: base)
    while true {
      opcodeStart = position
      guard position < bytes.count else {
        trace?.note(fault: .truncated, at: position)
        trace?.isCut = true
        break
      }
      let code = bytes.byte(at: position)
      position += 1
      if code == UInt8(ascii: ".") {
        if stack.count <= marks.last ?? 0 { trace?.note(fault: .stackUnderflow, at: opcodeStart) }
        trace?.isComplete = true
        break
      }
      guard let opcode = Opcode(rawValue: code) else {
        trace?.note(fault: .opcode(code), at: opcodeStart)
        position = opcodeStart
        break
      }
      guard weight <= Self.weightLimit else {
        trace?.note(fault: .memory(limit: Self.weightLimit), at: opcodeStart)
        stack = []
        marks = []
        memo = PickleMemo()
        heap = PickleHeap()
        position = opcodeStart
        sweep()
        break
      }
      guard step(opcode) else { break }
    }
    defer { trace = nil }
    return trace ?? PickleTrace(base: base)
  }

  /// The value of a pickle that was followed to its end.
  var result: PickleValue? { stack.last }

  /// Goes on to the stop opcode without a stack: a name on it is taken for the two strings that were
  /// pushed last.
  private mutating func sweep() {
    while position < bytes.count {
      opcodeStart = position
      let code = bytes.byte(at: position)
      position += 1
      if code == UInt8(ascii: ".") {
        trace?.isComplete = true
        return
      }
      guard let opcode = Opcode(rawValue: code) else {
        position = opcodeStart
        return
      }
      switch opcode {
      case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode,
        .binUnicode8, .global, .instance, .stackGlobal, .extension1, .extension2, .extension4:
        guard step(opcode) else { return }
        stack.removeAll(keepingCapacity: true)
        if heap.weight > Self.weightLimit { heap = PickleHeap() }
      default:
        guard skipArgument(of: opcode) else {
          trace?.isCut = true
          position = opcodeStart
          return
        }
      }
    }
    trace?.isCut = true
  }

  /// Follows one opcode; `false` when its argument cannot be read.
  private mutating func step(_ opcode: Opcode) -> Bool {
    do throws(PickleProblem) {
      try followNoting(opcode)
      noteUse(pushedBy: opcode)
    } catch {
      trace?.note(fault: error, at: opcodeStart)
      // The argument decides where the next opcode is, whatever was wrong with it.
      position = opcodeStart + 1
      guard skipArgument(of: opcode) else {
        noteCutImport(opcode)
        trace?.isCut = true
        position = opcodeStart
        return false
      }
      if opcode == .stackGlobal { noteGuessedImport() }
    }
    return true
  }

  /// Python takes the end of the file for the end of a line, and drops the last character.
  private mutating func noteCutImport(_ opcode: Opcode) {
    guard opcode == .global || opcode == .instance else { return }
    position = opcodeStart + 1
    guard let module = try? line(), position < bytes.count,
      let name = try? text(take(bytes.count - 1 - position))
    else { return }
    trace?.note(.init(module: module, name: name), .imports, at: opcodeStart)
  }

  /// Behind a fault the stack may be out of step; the strings pushed last are what it would have
  /// been given.
  private mutating func noteGuessedImport() {
    guard let (module, name) = trace?.lastStrings else { return }
    trace?.note(.init(module: module, name: name), .imports, at: opcodeStart)
    stack.append(global(module: module, name: name))
  }

  private mutating func followNoting(_ opcode: Opcode) throws(PickleProblem) {
    switch opcode {
    case .reduce, .newObject, .newObjectWithKeywords, .instance, .object:
      try noteCall(opcode)
    case .build:
      let state = try pop()
      let target = try top
      noteBuild(target, state: state)
      // What the reader refuses to build, Python may build.
      do throws(PickleProblem) { try build(target, state: state) } catch {}
    case .append, .appends, .addItems, .setItem, .setItems: try noteItems(opcode)
    case .global:
      let module = try line()
      let name = try line()
      stack.append(noteImport(module: module, name: name))
    case .stackGlobal:
      let name = try pop()
      let module = try pop()
      if case .string(let name) = name, case .string(let module) = module {
        stack.append(noteImport(module: module, name: name))
      } else {
        noteComputedImport(module, name)
      }
    case .extension1, .extension2, .extension4:
      guard case .fixed(let width) = opcode.argument else { return }
      let code = Int(try number(width))
      trace?.note(.init(module: nil, name: "extension code \(code)"), .imports, at: opcodeStart)
      trace?.note(unproved: "the extension code \(code) is no name", at: opcodeStart)
      stack.append(unknown())
    case .nextBuffer:
      trace?.note(unproved: "a buffer outside the file", at: opcodeStart)
      stack.append(unknown())
    case .readOnlyBuffer: _ = try top
    case .persistent:
      let identity = PickleValue.string(try line())
      notePersistent(identity)
    case .binPersistent: notePersistent(try pop())
    case .frame: _ = try take(8)
    case .proto:
      let version = Int(try byte())
      if version > 5 { trace?.note(fault: .protocolVersion(version), at: opcodeStart) }
    default:
      try follow(opcode)
      if case .string(let text)? = stack.last { noteString(text, opcode) }
    }
  }

  private mutating func noteString(_ text: String, _ opcode: Opcode) {
    switch opcode {
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode,
      .binUnicode8:
      trace?.note(string: text)
    case .get, .binGet, .longBinGet: trace?.note(string: text)
    default: break
    }
  }

  // MARK: Imports

  private mutating func noteImport(module: String, name: String) -> PickleValue {
    let value = global(module: module, name: name)
    trace?.note(.init(module: module, name: name), .imports, at: opcodeStart)
    if KnownGlobal(module: module, name: name) == nil {
      trace?.note(unproved: "\(module).\(name) is imported", at: opcodeStart)
    }
    return value
  }

  private mutating func noteComputedImport(_ module: PickleValue, _ name: PickleValue) {
    // Bytes are no names to Python; noted as what they spell, since other readers take them.
    if let module = module.stringValue, let name = name.stringValue {
      trace?.note(fault: .kind(expected: "two strings", found: "bytes"), at: opcodeStart)
      stack.append(noteImport(module: module, name: name))
      return
    }
    // Only what an import or a call gave can be a string that we do not see.
    for value in [module, name] where value.stringValue == nil {
      switch value {
      case .global, .object: break
      default:
        trace?.note(fault: .kind(expected: "two strings", found: value.kind), at: opcodeStart)
        noteGuessedImport()
        return
      }
    }
    func describe(_ value: PickleValue) -> String { value.stringValue ?? subject(of: value).text }
    let names = "\(describe(module)) \(describe(name))"
    trace?.note(.init(module: nil, name: names), .imports, at: opcodeStart)
    trace?.note(unproved: "a name that is computed is imported", at: opcodeStart)
    stack.append(unknown())
  }

  /// A value about which nothing is known.
  mutating func unknown() -> PickleValue {
    heap.globals.append(
      PickleGlobal(module: "", name: "a computed value", offset: opcodeStart, known: nil))
    heap.objects.append(PickleObject(global: heap.globals.count - 1, offset: opcodeStart))
    return .object(heap.objects.count - 1)
  }

  /// The class or function that a value is or comes from.
  func subject(of value: PickleValue) -> PickleTrace.Subject {
    let global: PickleGlobal
    switch value {
    case .global(let index): global = heap.globals[index]
    case .object(let index): global = heap.globals[heap.objects[index].global]
    default: return .init(module: nil, name: value.kind)
    }
    return .init(module: global.module.isEmpty ? nil : global.module, name: global.name)
  }

  private mutating func notePersistent(_ identity: PickleValue) {
    do throws(PickleProblem) {
      stack.append(try persistent(identity))
    } catch {
      trace?.note(unproved: "a persistent id that is no storage's", at: opcodeStart)
      stack.append(unknown())
    }
  }

  // MARK: Calls

  private mutating func noteCall(_ opcode: Opcode) throws(PickleProblem) {
    let callee: PickleValue
    var arguments: PickleValue
    var keywords: PickleValue?
    switch opcode {
    case .instance:
      let module = try line()
      let name = try line()
      callee = noteImport(module: module, name: name)
      arguments = .tuple(heap.newSequence(try popToMark()))
    case .object:
      var values = try popToMark()
      guard !values.isEmpty else { throw .stackUnderflow }
      callee = values.removeFirst()
      arguments = .tuple(heap.newSequence(values))
    default:
      if opcode == .newObjectWithKeywords { keywords = try pop() }
      arguments = try pop()
      callee = try pop()
    }
    let subject = subject(of: callee)
    if case .global = callee {
      trace?.note(subject, .calls(opcode), at: opcodeStart)
    } else {
      trace?.note(subject, .uses(opcode), at: opcodeStart)
    }
    let values = heap.elements(of: arguments)
    for value in values ?? [] where PickleTrace.unpicklesBytes(subject) {
      if let data = constantBytes(value) { trace?.note(nested: data, at: opcodeStart) }
    }
    if case .global(let index) = callee {
      noteUse(calling: subject, at: index, by: opcode, values, hasKeywords: hasItems(keywords))
    }
    let result: PickleValue
    do throws(PickleProblem) {
      if let attribute = knownAttribute(subject, values) {
        result = attribute
      } else {
        result = try evaluate(callee, values, keywords)
      }
    } catch {
      trace?.note(unproved: "\(subject.text) is called: \(error.text)", at: opcodeStart)
      result = unknown()
    }
    if let reason = proofGap(callee, values, keywords, result: result) {
      trace?.note(unproved: reason, at: opcodeStart)
    }
    // A text that a call returns is no constant: as a name it must not pass for one.
    if case .string = result { stack.append(unknown()) } else { stack.append(result) }
  }

  private mutating func evaluate(
    _ callee: PickleValue, _ arguments: [PickleValue]?, _ keywords: PickleValue?
  ) throws(PickleProblem) -> PickleValue {
    guard case .global(let index) = callee, let arguments else {
      if case .object(let index) = callee {
        return opaque(heap.objects[index].global, arguments ?? [], keywords ?? .none)
      }
      return unknown()
    }
    if !hasItems(keywords), case .callable(let callable)? = heap.globals[index].known,
      let value = try call(callable, heap.globals[index].qualifiedName, arguments)
    {
      return value
    }
    return opaque(index, arguments, keywords ?? .none)
  }

  /// Whether keywords are more than an empty dictionary.
  private func hasItems(_ keywords: PickleValue?) -> Bool {
    switch keywords {
    case .dictionary(let index): !heap.dictionaries[index].entries.isEmpty
    case .none?, nil: false
    default: true
    }
  }

  // MARK: States and items

  private mutating func noteBuild(_ target: PickleValue, state: PickleValue) {
    let subject = subject(of: target)
    if let name = machinery(in: state) {
      trace?.note(subject, .overrides(name), at: opcodeStart)
      trace?.note(unproved: "\(name) of \(subject.text) is set", at: opcodeStart)
    }
    if case .object = target { noteUse(building: subject, state: state) }
    switch target {
    case .global:
      trace?.note(subject, .changes(.build), at: opcodeStart)
      trace?.note(unproved: "attributes of \(subject.text) are changed", at: opcodeStart)
    case .object:
      trace?.note(subject, .uses(.build), at: opcodeStart)
      trace?.note(unproved: "\(subject.text) is given a state", at: opcodeStart)
    case .dictionary:
      // A dictionary of attributes is plain; a pair of them goes through `setattr`.
      if case .dictionary = state { return }
      trace?.note(unproved: "a dictionary is given \(state.kind) as state", at: opcodeStart)
    default: break
    }
  }

  /// The first attribute in a state that changes how Python treats the object: `__setstate__` is
  /// called by the next BUILD, `__class__` makes it another.
  private func machinery(in state: PickleValue) -> String? {
    var dictionaries: [Int] = []
    switch state {
    case .dictionary(let index): dictionaries = [index]
    case .tuple(let index):
      for case .dictionary(let index) in heap.sequences[index].prefix(2) {
        dictionaries.append(index)
      }
    default: return nil
    }
    for index in dictionaries {
      for entry in heap.dictionaries[index].entries {
        guard let name = entry.key.stringValue, name.utf8.count > 4, name.hasPrefix("__"),
          name.hasSuffix("__"), !Self.harmlessAttributes.contains(name)
        else { continue }
        return name
      }
    }
    return nil
  }

  /// What objects of ordinary classes carry.
  private static let harmlessAttributes: Set<String> = [
    "__doc__", "__name__", "__qualname__", "__module__", "__orig_class__", "__version__",
    "__wrapped__", "__annotations__", "__author__", "__file__", "__package__", "__signature__",
    "__cached__", "__dataclass_fields__", "__dataclass_params__", "__objclass__", "__slots__",
  ]

  /// Items go straight into lists, sets and dictionaries; on anything else Python calls its
  /// methods (`extend`, `append`, `add`, `__setitem__`).
  private mutating func noteItems(_ opcode: Opcode) throws(PickleProblem) {
    var elements: [PickleValue]
    switch opcode {
    case .append: elements = [try pop()]
    case .setItem:
      let value = try pop()
      elements = [try pop(), value]
    default: elements = try popToMark()
    }
    let target = try top
    let subject = subject(of: target)
    switch target {
    case .global:
      trace?.note(subject, .changes(opcode), at: opcodeStart)
      trace?.note(unproved: "\(subject.text) is changed", at: opcodeStart)
    case .object: trace?.note(subject, .uses(opcode), at: opcodeStart)
    default: break
    }
    do throws(PickleProblem) {
      if opcode == .setItem || opcode == .setItems {
        try setItems(elements, of: target)
      } else {
        try append(elements, to: target)
      }
    } catch {
      trace?.note(unproved: error.text, at: opcodeStart)
    }
  }
}

extension PickleTrace.Subject {
  /// Module and name, or what is known in place of them.
  var text: String { module.map { "\($0).\(name)" } ?? name }
}

extension PickleTrace {
  /// Whether a function reads a pickle from the bytes that it is given.
  static func unpicklesBytes(_ subject: Subject) -> Bool {
    switch (subject.module, subject.name) {
    case ("torch.storage", "_load_from_bytes"), ("pickle", "loads"), ("_pickle", "loads"),
      ("cPickle", "loads"), ("dill", "loads"), ("cloudpickle", "loads"), ("dill._dill", "loads"),
      ("_io", "BytesIO"), ("io", "BytesIO"):
      true
    default: false
    }
  }
}
