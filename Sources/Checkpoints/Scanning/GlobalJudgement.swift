/// The verdict on one class or function that a pickle names, and why.
///
/// Safe is only what is listed as such, by its whole path. Dangerous is what can run code or reach
/// out of the process. Everything else is suspicious: a list of the dangerous is never complete
/// (every published bypass of a scanner used a function that was not on its list).
struct GlobalJudgement: Sendable, Hashable {
  let verdict: SafetyVerdict
  let reason: String

  init(_ verdict: SafetyVerdict, _ reason: String) {
    self.verdict = verdict
    self.reason = reason
  }

  init(_ subject: PickleTrace.Subject) {
    if let module = subject.module {
      self.init(module: module, name: subject.name)
    } else if subject.name.hasPrefix("extension code") {
      self.init(.dangerous, "a name that only Python's registry of extensions knows")
    } else {
      self.init(.dangerous, "a name that is computed while the pickle is loaded")
    }
  }

  /// Judges `module name` as Python finds it: the name may be a path of attributes.
  init(module: String, name: String) {
    let trimmed = (Self.trimmed(module), Self.trimmed(name))
    if trimmed != (module, name) {
      let inner = GlobalJudgement(module: trimmed.0, name: trimmed.1)
      self.init(max(inner.verdict, .suspicious), "white space around a name; " + inner.reason)
      return
    }
    // torch's functions on tensors are the methods of a class without instances.
    let functions = "_VariableFunctionsClass."
    if module == "torch._C", name.hasPrefix(functions) {
      self.init(module: "torch", name: String(name.dropFirst(functions.count)))
      return
    }
    let modules = module.split(separator: ".", omittingEmptySubsequences: false)
    let names = name.split(separator: ".", omittingEmptySubsequences: false)
    let path = (modules + names).map(String.init)
    let full = path.joined(separator: ".")
    // Swift holds some characters for equal to ASCII ones (the Kelvin sign and K); Python does not.
    let isPlainText = full.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    if isPlainText, KnownSafe.contains(full) {
      self.init(.safe, "plain data")
    } else if let reason = Self.danger(of: path, modules: modules.count) {
      self.init(.dangerous, reason)
    } else if KnownSafe.isOrdinaryClass(module: module, name: name) {
      self.init(.safe, "a known class of training leftovers")
    } else {
      self.init(.suspicious, "unknown")
    }
  }

  /// The verdict on a call: what only sounds as if it ran or loaded something may be referred to, but
  /// not called.
  func whenCalled(_ subject: PickleTrace.Subject) -> GlobalJudgement {
    guard verdict == .suspicious, UseDependent(subject) == nil else { return self }
    if KnownDangers.isDeed(subject.name) {
      return GlobalJudgement(.dangerous, "runs, loads or writes something, as its name says")
    }
    if let module = subject.module, KnownDangers.isForeignFunction(module, subject.name) {
      return GlobalJudgement(.dangerous, "a function of a package of which files hold objects only")
    }
    return self
  }

  private static func trimmed(_ text: String) -> String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value <= 0x20 || scalar.properties.isWhitespace
    }
    var scalars = text.unicodeScalars[...]
    while let first = scalars.first, isSpace(first) { scalars.removeFirst() }
    while let last = scalars.last, isSpace(last) { scalars.removeLast() }
    return String(scalars)
  }

  private static func danger(of path: [String], modules: Int) -> String? {
    var prefix = ""
    for part in path {
      prefix += prefix.isEmpty ? part : "." + part
      if let danger = KnownDangers.paths[prefix] { return danger.text }
    }
    if modules == 1, ["builtins", "__builtin__", "__builtins__"].contains(path[0]) {
      if KnownDangers.builtins.contains(path[1]) { return KnownDangers.Danger.code.text }
    }
    if path[0].hasPrefix("_"), !path[0].hasPrefix("__") {
      return "a private module of Python"
    }
    for part in path.dropFirst(modules) {
      if part.count > 4, part.hasPrefix("__"), part.hasSuffix("__") {
        return "reaches into Python's own machinery"
      }
      if let danger = KnownDangers.names[part] { return danger.text }
    }
    for part in path.dropFirst() {
      // Python's own modules import others under a leading underscore: `argparse` has `_sys`.
      let plain = part.hasPrefix("_") ? String(part.dropFirst()) : part
      if KnownDangers.modulesAnywhere.contains(part)
        || KnownDangers.modulesAnywhere.contains(plain)
      {
        return "reaches the module \(part) through another"
      }
    }
    // `torch.nn.modules.module` `torch.hub.load` is `torch.hub.load`.
    for start in path.indices.dropFirst(modules).dropLast() where start > 0 {
      var inner = ""
      for part in path[start...] {
        inner += inner.isEmpty ? part : "." + part
        if inner.contains("."), let danger = KnownDangers.paths[inner] { return danger.text }
      }
    }
    return StandardLibrary.danger(of: path, modules: modules)
      ?? NumericPackages.danger(of: path, modules: modules)
  }
}
