extension Unpickler {
  /// Counts a function that is judged by its calls when an opcode has put it onto the stack.
  mutating func noteUse(pushedBy opcode: Opcode) {
    switch opcode {
    case .global, .stackGlobal, .get, .binGet, .longBinGet, .duplicate, .persistent,
      .binPersistent, .extension1, .extension2, .extension4:
      guard case .global? = stack.last, let value = stack.last else { return }
      let subject = subject(of: value)
      if UseDependent(subject) != nil { trace?.uses[subject, default: PickleUses()].pushes += 1 }
    default: break
    }
  }

  /// Judges one call of such a function.
  mutating func noteUse(
    calling subject: PickleTrace.Subject, at global: Int, by opcode: Opcode,
    _ arguments: [PickleValue]?, hasKeywords: Bool
  ) {
    // Most calls are of what we know to make plain data.
    guard heap.globals[global].known == nil else { return }
    guard let function = UseDependent(subject) else {
      noteInitialiser(subject, by: opcode, arguments ?? [.none, .none])
      return
    }
    // INST names what it calls: it never comes onto the stack.
    if opcode == .instance { trace?.uses[subject, default: PickleUses()].pushes += 1 }
    trace?.uses[subject, default: PickleUses()].calls += 1
    let judgement =
      hasKeywords ? nil : arguments.flatMap { judge(function, $0) }
    trace?.uses[subject]?.add(judgement ?? function.elsewhere.atLeastDangerous)
  }

  /// NEWOBJ makes an object without its initialiser, which could read a file that the pickle names.
  private mutating func noteInitialiser(
    _ subject: PickleTrace.Subject, by opcode: Opcode, _ arguments: [PickleValue]
  ) {
    guard opcode != .newObject, opcode != .newObjectWithKeywords, let module = subject.module,
      KnownSafe.isOrdinaryClass(module: module, name: subject.name),
      arguments.count > 1 || arguments.contains(where: { !$0.isPlain })
    else { return }
    trace?.initialised.insert(subject)
  }

  /// A state that is given to what such a function returned: of a partial function, what it calls.
  mutating func noteUse(building subject: PickleTrace.Subject, state: PickleValue) {
    guard UseDependent(subject) == .partial else { return }
    let judgement = heap.elements(of: state)?.first.flatMap(judgeCallee)
    trace?.uses[subject]?.add(judgement ?? UseDependent.partial.elsewhere)
  }

  /// The bytes of a value that stands in the pickle as such.
  func constantBytes(_ value: PickleValue) -> PickleData? {
    switch value {
    case .bytes(let bytes): PickleData(place: .memory(bytes), count: bytes.count)
    case .data(let index): heap.data[index].isText ? nil : heap.data[index]
    // Python 2's strings are bytes.
    case .string(let text) where text.utf8.allSatisfy({ $0 < 0x80 }):
      PickleData(place: .memory(Array(text.utf8)), count: text.utf8.count)
    default: nil
    }
  }

  /// The verdict on a call; `nil` when it is not one that checkpoints make.
  private func judge(_ function: UseDependent, _ arguments: [PickleValue]) -> GlobalJudgement? {
    switch function {
    case .type:
      return arguments.count == 1
        ? GlobalJudgement(.safe, "asks for a type")
        : GlobalJudgement(.dangerous, "makes a class")
    case .attribute: return judgeAttribute(arguments)
    case .item:
      guard arguments.count == 2 else { return nil }
      let module = subject(of: arguments[0]).module ?? ""
      let isGeneric = ["typing", "typing_extensions"].contains(module)
      return isGeneric
        ? GlobalJudgement(.safe, "a type") : GlobalJudgement(.suspicious, "reaches into a value")
    case .reduce:
      guard arguments.count == 2, case .global = arguments[0] else { return nil }
      let subject = subject(of: arguments[0])
      let isUnion = ["operator", "_operator"].contains(subject.module) && subject.name == "or_"
      return isUnion ? GlobalJudgement(.safe, "a type") : nil
    case .partial: return arguments.first.flatMap(judgeCallee)
    case .loadFromBytes:
      guard arguments.count == 1, constantBytes(arguments[0]) != nil else { return nil }
      return GlobalJudgement(.safe, "loads a pickle that is looked into here")
    case .makeInstance:
      guard arguments.count == 3, case .global = arguments[0],
        subject(of: arguments[0]).text == "fsspec.implementations.local.LocalFileSystem"
      else { return nil }
      return GlobalJudgement(.safe, "an object without files")
    }
  }

  /// `getattr(class, name)`: the judgement is that of the class's attribute.
  private func judgeAttribute(_ arguments: [PickleValue]) -> GlobalJudgement? {
    guard arguments.count == 2, case .global = arguments[0], let name = arguments[1].stringValue
    else { return nil }
    let owner = subject(of: arguments[0])
    guard let module = owner.module,
      Self.isPublicName(name) || KnownSafe.contains("\(owner.text).\(name)")
    else { return nil }
    let attribute = GlobalJudgement(module: module, name: "\(owner.name).\(name)")
    guard attribute.verdict == .suspicious else { return attribute }
    // Members of enumerations are spelled in capitals; a module's attributes could be anything.
    let isClass = owner.name.split(separator: ".").last?.first?.isUppercase ?? false
    let isMember = name.unicodeScalars.allSatisfy { !$0.properties.isLowercase }
    if isClass, isMember, GlobalJudgement(owner).verdict == .safe {
      return GlobalJudgement(.safe, "a member of a known class")
    }
    return isClass || GlobalJudgement(owner).verdict == .safe ? attribute : nil
  }

  /// The class or function that `getattr` finds, when it is known to be plain.
  mutating func knownAttribute(
    _ subject: PickleTrace.Subject, _ arguments: [PickleValue]?
  ) -> PickleValue? {
    guard UseDependent(subject) == .attribute, let arguments, arguments.count == 2,
      case .global = arguments[0], let name = arguments[1].stringValue
    else { return nil }
    let owner = self.subject(of: arguments[0])
    guard let module = owner.module,
      GlobalJudgement(module: module, name: "\(owner.name).\(name)").verdict == .safe
    else { return nil }
    return global(module: module, name: "\(owner.name).\(name)")
  }

  private static func isPublicName(_ name: String) -> Bool {
    name.first != "_"
      && name.utf8.allSatisfy { byte in
        let scalar = UnicodeScalar(byte)
        return byte < 0x80
          && (scalar == "_" || scalar.properties.isAlphabetic
            || scalar.properties.numericType != nil)
      }
  }

  /// The verdict on a function or class that is called later.
  private func judgeCallee(_ value: PickleValue) -> GlobalJudgement? {
    guard case .global = value, UseDependent(subject(of: value)) == nil else { return nil }
    let judgement = GlobalJudgement(subject(of: value))
    return judgement.verdict == .safe
      ? GlobalJudgement(.safe, "prepares a call of a known class") : judgement
  }
}

extension GlobalJudgement {
  /// What is dangerous already, or what is done in a way that no checkpoint needs.
  fileprivate var atLeastDangerous: GlobalJudgement {
    verdict == .dangerous ? self : GlobalJudgement(.dangerous, "called with unusual arguments")
  }
}
