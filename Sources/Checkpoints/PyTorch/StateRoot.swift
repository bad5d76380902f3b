internal import TensorCore

/// The way to the dictionary that holds the model: the keys from the outside in.
struct StateRoot {
  let keys: [String]
  /// Whether the user chose it, and so wants nothing beside it.
  let isChosen: Bool

  /// A chosen root that is not there, and the ones that could be chosen.
  struct Missing: Error {
    let available: [String]
  }

  /// Finds the wrappers that training scripts use.
  init(recognisedIn root: PickleValue, _ heap: PickleHeap) {
    var keys: [String] = []
    var value = root
    while keys.count < 4, let (key, inner) = Self.wrapped(in: value, heap) {
      keys.append(key)
      value = inner
    }
    self.keys = keys
    isChosen = false
  }

  /// Follows the user's path. Keys may have dots in them: the longest key that fits is taken.
  init(chosen path: String, in root: PickleValue, _ heap: PickleHeap) throws(Missing) {
    guard let keys = Self.way(path.utf8[...], from: root, heap) else {
      var available: [String] = []
      Self.collect(root, path: "", depth: 0, heap, into: &available)
      throw Missing(available: available)
    }
    self.keys = keys
    isChosen = true
  }

  // MARK: Recognising

  /// Keys that hold a model whatever stands beside them, the likeliest first.
  private static let sureKeys = ["state_dict", "model_state_dict", "params_ema"]
  /// Keys that are also ordinary parts of a name, beside tensors.
  private static let likelyKeys = [
    "params", "model", "module", "net", "generator", "weights", "ema", "ema_state_dict",
  ]

  private static func wrapped(
    in value: PickleValue, _ heap: PickleHeap
  ) -> (String, PickleValue)? {
    guard case .dictionary(let index) = value else { return nil }
    let dictionary = heap.dictionaries[index]
    // Of weights and their averages side by side the weights are the model.
    if let weights = dictionary["params"], holdsTensors(weights, heap),
      dictionary["params_ema"].map({ holdsTensors($0, heap) }) ?? false
    {
      return ("params", weights)
    }
    let keys = sureKeys + (holdsTensors(value, heap) ? [] : likelyKeys)
    for key in keys {
      guard let inner = dictionary[key], case .dictionary = inner else { continue }
      if holdsTensors(inner, heap) || wrapsTensors(inner, heap) { return (key, inner) }
    }
    return nil
  }

  private static func wrapsTensors(_ value: PickleValue, _ heap: PickleHeap) -> Bool {
    guard case .dictionary(let index) = value else { return false }
    return (sureKeys + likelyKeys).contains { key in
      heap.dictionaries[index][key].map { holdsTensors($0, heap) } ?? false
    }
  }

  /// Whether a container has tensors among its own values.
  private static func holdsTensors(_ value: PickleValue, _ heap: PickleHeap) -> Bool {
    guard case .dictionary(let index) = value else { return false }
    return heap.dictionaries[index].entries.contains { $0.value.isTensor }
  }

  // MARK: Choosing

  private static func way(
    _ path: Substring.UTF8View, from value: PickleValue, _ heap: PickleHeap
  ) -> [String]? {
    if path.isEmpty { return [] }
    var end = path.endIndex
    while true {
      if let key = String(path[..<end]), let inner = child(key, of: value, heap) {
        let rest = end == path.endIndex ? path[end...] : path[path.index(after: end)...]
        if let keys = way(rest, from: inner, heap) { return [key] + keys }
      }
      guard let dot = path[..<end].lastIndex(of: UInt8(ascii: ".")) else { return nil }
      end = dot
    }
  }

  /// The container or tensor under a key, as names spell it.
  private static func child(
    _ key: String, of value: PickleValue, _ heap: PickleHeap
  ) -> PickleValue? {
    for (name, child) in children(of: value, heap)
    where name.utf8.elementsEqual(key.utf8) && !child.isPlain {
      return child
    }
    return nil
  }

  private static func children(
    of value: PickleValue, _ heap: PickleHeap
  ) -> [(String, PickleValue)] {
    switch value {
    case .dictionary(let index):
      return heap.dictionaries[index].entries.map { (heap.keyText($0.key), $0.value) }
    case .list(let index), .tuple(let index):
      return heap.sequences[index].enumerated().map { ("\($0)", $1) }
    case .object(let index):
      let object = heap.objects[index]
      return children(of: object.state, heap)
        + object.items.entries.map { (heap.keyText($0.key), $0.value) }
    default: return []
    }
  }

  /// Lists containers with tensors in them, the outer ones first, and not too many.
  private static func collect(
    _ value: PickleValue, path: String, depth: Int, _ heap: PickleHeap, into list: inout [String]
  ) {
    guard depth < 4, list.count < 12 else { return }
    let children = children(of: value, heap).prefix(10_000)
    if !path.isEmpty, children.contains(where: { $0.1.isTensor }) { list.append(path) }
    for (key, child) in children where !child.isPlain && !child.isTensor {
      collect(
        child, path: path.isEmpty ? key : "\(path).\(key)", depth: depth + 1, heap, into: &list)
    }
  }
}

extension PickleValue {
  /// Whether the value is a tensor.
  var isTensor: Bool { if case .tensor = self { true } else { false } }
}

extension PickleHeap {
  /// A dictionary's key as a part of names.
  func keyText(_ key: PickleValue, depth: Int = 0) -> String {
    switch key {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .bool(let flag): flag ? "True" : "False"
    case .none: "None"
    case .float(let number): "\(number)"
    case .global(let index): globals[index].qualifiedName
    case .bytes(let bytes): key.stringValue ?? "\(bytes.count) bytes"
    case .tuple(let index) where depth < 3 && sequences[index].count <= 16:
      "("
        + sequences[index].map { keyText($0, depth: depth + 1) }.joined(separator: ", ") + ")"
    default: key.kind
    }
  }
}
