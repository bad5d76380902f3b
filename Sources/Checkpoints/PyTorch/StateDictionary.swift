internal import TensorCore

/// A pickle's value taken apart: tensors under dotted names, everything else as JSON.
///
/// A wrapper that holds the model (`state_dict`, also nested; `params_ema`, `model`, `module`) adds
/// nothing to its tensors' names. Tensors beside it keep their full dotted path, so that none is
/// lost.
struct StateDictionary {
  /// A tensor of the heap and its name.
  struct Entry {
    let name: String
    let tensor: Int
  }

  private(set) var entries: [Entry] = []
  /// The non-tensor values where the pickle has them.
  private(set) var values = JSONObject()
  /// The keys of the wrapper, outermost first.
  private(set) var wrapper: [String] = []
  /// How many tensors lie beside a root that the user chose, and so were left out.
  private(set) var outsideCount = 0

  private let heap: PickleHeap
  /// What holds the pickle, and so its long texts.
  private let source: ByteStorage
  private var visits = 0
  private var onPath: Set<Int> = []
  /// Whether tensors met now are wanted: always, but outside of a chosen root.
  private var isWanted = true

  /// Why a value cannot be taken apart.
  enum Problem: Error {
    /// Containers nested beyond the limit.
    case depth
    /// Shared containers that expand beyond the limit.
    case expansion
    /// The chosen root is not there.
    case root(available: [String])
  }

  /// The deepest nesting; JSON's own limit is 128, and an object takes two levels.
  static let depthLimit = 56
  /// The most values after sharing is undone. SDXL has 2,500 tensors; a vocabulary 50,000 words.
  static let visitLimit = 1_000_000

  /// Takes a value apart.
  ///
  /// - Parameters:
  ///   - source: what holds the pickle.
  ///   - path: the keys of the root that the user chose, joined by dots.
  init(
    _ root: PickleValue, heap: PickleHeap, in source: ByteStorage, choosing path: String? = nil
  ) throws(Problem) {
    (self.heap, self.source) = (heap, source)
    if let path {
      do throws(StateRoot.Missing) {
        wrapper = try StateRoot(chosen: path, in: root, heap).keys
      } catch {
        throw .root(available: error.available)
      }
      isWanted = wrapper.isEmpty
    } else {
      wrapper = StateRoot(recognisedIn: root, heap).keys
    }
    let json = try walk(root, name: nil, path: nil, wrapper: wrapper[...], depth: 0)
    if let object = json?.objectValue {
      values = object
    } else if let json {
      values["value"] = json
    }
  }

  // MARK: Walking

  /// Collects the tensors below a value and returns the rest as JSON; `nil` when there is no rest.
  ///
  /// - Parameters:
  ///   - name: what the tensors' names start with.
  ///   - path: the same with wrappers.
  ///   - wrapper: the keys of the wrapper that lies at or below this value.
  private mutating func walk(
    _ value: PickleValue, name: String?, path: String?, wrapper: ArraySlice<String>, depth: Int
  ) throws(Problem) -> JSON? {
    guard depth < Self.depthLimit else { throw .depth }
    switch value {
    case .tensor(let index):
      try charge(1)
      if isWanted {
        entries.append(Entry(name: name ?? "value", tensor: index))
      } else {
        outsideCount += 1
      }
      let attributes = heap.tensors[index].attributes
      return try walkAttributes(attributes, name: name, path: path, depth: depth)
    case .tuple(let index), .list(let index), .set(let index):
      let elements = heap.sequences[index]
      return try walk(elements, identity: 4 * index, name, path, wrapper, depth)
    case .dictionary(let index):
      let (dictionary, attributes) = (heap.dictionaries[index], heap.attributes[index])
      return try guardingCycles(4 * index + 1) { walk throws(Problem) in
        let rest = try walk.items(
          dictionary, name: name, path: path, wrapper: wrapper, depth: depth)
        guard let attributes,
          let more = try walk.walkAttributes(attributes, name: name, path: path, depth: depth)
        else { return rest }
        var object = rest?.objectValue ?? JSONObject()
        object["attributes"] = more
        return .object(object)
      }
    case .object(let index):
      let object = heap.objects[index]
      return try guardingCycles(4 * index + 2) { walk throws(Problem) in
        try walk.object(object, name: name, path: path, wrapper: wrapper, depth: depth)
      }
    default:
      return try plain(value)
    }
  }

  private mutating func guardingCycles(
    _ identity: Int, _ body: (inout StateDictionary) throws(Problem) -> JSON?
  ) throws(Problem) -> JSON? {
    try charge(1)
    guard onPath.insert(identity).inserted else { return ["cycle": true] }
    defer { onPath.remove(identity) }
    return try body(&self)
  }

  private mutating func charge(_ count: Int) throws(Problem) {
    visits += count
    guard visits <= Self.visitLimit else { throw .expansion }
  }

  private static func join(_ name: String?, _ key: String) -> String {
    name.map { "\($0).\(key)" } ?? key
  }

  private mutating func walk(
    _ elements: [PickleValue], identity: Int, _ name: String?, _ path: String?,
    _ wrapper: ArraySlice<String>, _ depth: Int
  ) throws(Problem) -> JSON? {
    try guardingCycles(identity) { walk throws(Problem) in
      var rest: [JSON] = []
      for (index, element) in elements.enumerated() {
        if element.isPlain {
          rest.append(try walk.plain(element))
          continue
        }
        let json = try walk.child(
          element, key: "\(index)", name: name, path: path, wrapper: wrapper, depth: depth)
        if let json { rest.append(json) }
      }
      return rest.isEmpty && !elements.isEmpty ? nil : .array(rest)
    }
  }

  private mutating func items(
    _ dictionary: PickleDictionary, name: String?, path: String?, wrapper: ArraySlice<String>,
    depth: Int
  ) throws(Problem) -> JSON? {
    var rest: [(String, JSON)] = []
    var used: Set<ExactName> = []
    for (key, value) in dictionary.entries {
      var text = heap.keyText(key)
      try charge(1 + text.utf8.count / 64)
      // `1` and `"1"` are two keys to Python.
      while !used.insert(ExactName(text)).inserted { text += "'" }
      if value.isPlain {
        rest.append((text, try plain(value)))
        continue
      }
      let json = try child(
        value, key: text, name: name, path: path, wrapper: wrapper, depth: depth)
      if let json { rest.append((text, json)) }
    }
    return rest.isEmpty && !dictionary.entries.isEmpty ? nil : .object(JSONObject(rest))
  }

  /// Walks a part of a container, which may be the next step of the wrapper.
  private mutating func child(
    _ value: PickleValue, key: String, name: String?, path: String?, wrapper: ArraySlice<String>,
    depth: Int
  ) throws(Problem) -> JSON? {
    let isWrapper = wrapper.first.map { $0.utf8.elementsEqual(key.utf8) } ?? false
    let wasWanted = isWanted
    if isWrapper, wrapper.count == 1 { isWanted = true }
    defer { isWanted = wasWanted }
    // Inside the wrapper's path, everything but the wrapper itself keeps its full path.
    let parent = wrapper.isEmpty ? name : path
    return try walk(
      value, name: isWrapper ? nil : Self.join(parent, key), path: Self.join(path, key),
      wrapper: isWrapper ? wrapper.dropFirst() : [], depth: depth + 1)
  }

  /// Attributes of tensors and dictionaries. `_metadata`, the module versions that
  /// `Module.state_dict()` hangs on its result, says nothing about the values and is left out.
  private mutating func walkAttributes(
    _ attributes: PickleValue, name: String?, path: String?, depth: Int
  ) throws(Problem) -> JSON? {
    guard case .dictionary(let index) = attributes else {
      if case .none = attributes { return nil }
      return try walk(attributes, name: name, path: path, wrapper: [], depth: depth + 1)
    }
    var kept = PickleDictionary()
    for (key, value) in heap.dictionaries[index].entries where key.stringValue != "_metadata" {
      kept.set(key, value)
    }
    guard !kept.entries.isEmpty else { return nil }
    return try guardingCycles(4 * index + 1) { walk throws(Problem) in
      try walk.items(kept, name: name, path: path, wrapper: [], depth: depth + 1)
    }
  }

  /// An opaque object: its name, and what it would have been given.
  private mutating func object(
    _ object: PickleObject, name: String?, path: String?, wrapper: ArraySlice<String>, depth: Int
  ) throws(Problem) -> JSON? {
    var json: JSONObject = ["opaque": .string(heap.globals[object.global].qualifiedName)]
    if case .none = object.arguments {
    } else {
      json["arguments"] = try walk(
        object.arguments, name: name, path: path, wrapper: [], depth: depth + 1)
    }
    if case .none = object.state {
    } else {
      json["state"] = try walk(
        object.state, name: name, path: path, wrapper: wrapper, depth: depth + 1)
    }
    if !object.items.entries.isEmpty {
      json["items"] = try items(
        object.items, name: name, path: path, wrapper: wrapper, depth: depth + 1)
    }
    if !object.elements.isEmpty {
      json["elements"] = try walk(object.elements, identity: -1, name, path, [], depth + 1)
    }
    return .object(json)
  }

  private mutating func plain(_ value: PickleValue) throws(Problem) -> JSON {
    try charge(1)
    switch value {
    case .bool(let flag): return .bool(flag)
    case .integer(let number): return .integer(number)
    case .bigInteger(let bytes): return .string("0x" + Self.hex(bytes.reversed()))
    case .float(let number): return .number(number)
    case .complex(let real, let imaginary): return [.number(real), .number(imaginary)]
    case .string(let text):
      try charge(1 + text.utf8.count / 64)
      return .string(text)
    case .bytes(let bytes):
      // Long ones are states of random generators and the like: their length must do.
      return bytes.count <= 64
        ? ["bytes": .string(Self.hex(bytes))] : ["byteCount": .integer(bytes.count)]
    case .data(let index):
      guard let text = heap.data[index].text(in: source) else {
        return ["byteCount": .integer(heap.data[index].count)]
      }
      try charge(text.utf8.count / 64)
      return .string(text)
    case .global(let index): return .string(heap.globals[index].qualifiedName)
    case .storage(let index): return ["storage": .string(heap.storages[index].key)]
    case .numpyType(let index): return .string("numpy." + heap.numpyTypes[index].code)
    default: return .null
    }
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
