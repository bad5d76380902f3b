internal import TensorCore

/// A value that an unpickled file describes.
///
/// Containers are indices into a `PickleHeap`, because memo entries alias: two references to one
/// list must see the same elements. (Indices rather than objects, so that a million nested lists
/// are freed without recursion and a list that holds itself leaks nothing.)
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  /// A whole number beyond 64 bits: little-endian two's complement.
  case bigInteger([UInt8])
  case float(Double)
  case complex(Double, Double)
  case string(String)
  case bytes([UInt8])
  /// Bytes, or text in place of bytes, that were left where they are.
  case data(Int)
  case tuple(Int)
  case list(Int)
  case set(Int)
  case dictionary(Int)
  case global(Int)
  case storage(Int)
  case tensor(Int)
  case numpyType(Int)
  case object(Int)

  /// What to call the value in messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a Boolean"
    case .integer, .bigInteger: "a whole number"
    case .float, .complex: "a number"
    case .string: "a string"
    case .bytes, .data: "bytes"
    case .tuple: "a tuple"
    case .list: "a list"
    case .set: "a set"
    case .dictionary: "a dictionary"
    case .global: "a class or function"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .numpyType: "a numpy dtype"
    case .object: "an object"
    }
  }

  /// Whether the value has no parts.
  var isPlain: Bool {
    switch self {
    case .tuple, .list, .set, .dictionary, .tensor, .object: false
    default: true
    }
  }

  var integerValue: Int? { if case .integer(let value) = self { value } else { nil } }

  /// The text of a string, which Python 2 pickled as bytes.
  var stringValue: String? {
    switch self {
    case .string(let text): text
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }
}

/// A Python dictionary: keys in the order of insertion, the last value of a key wins.
struct PickleDictionary: Sendable {
  private(set) var entries: [(key: PickleValue, value: PickleValue)] = []
  private var places: [Key: Int] = [:]

  private enum Key: Hashable {
    case string(ExactName)
    case integer(Int)
    case other(Int)
  }

  mutating func set(_ key: PickleValue, _ value: PickleValue) {
    let identity: Key =
      switch key {
      case .string(let text): .string(ExactName(text))
      case .integer(let number): .integer(number)
      case .bool(let flag): .integer(flag ? 1 : 0)
      default: .other(entries.count)
      }
    if let place = places[identity] {
      entries[place].value = value
    } else {
      places[identity] = entries.count
      entries.append((key, value))
    }
  }

  subscript(key: String) -> PickleValue? {
    places[.string(ExactName(key))].map { entries[$0].value }
  }
}

/// A class or function that a pickle names.
struct PickleGlobal: Sendable {
  let module: String
  let name: String
  let offset: Int
  /// What we know it to be; `nil` for what stays opaque.
  let known: KnownGlobal?
  var isCalled = false

  var qualifiedName: String { "\(module).\(name)" }
}

/// What a call of an unknown class or function would have got; it was not called.
struct PickleObject: Sendable {
  let global: Int
  let offset: Int
  var arguments: PickleValue = .none
  var state: PickleValue = .none
  var items = PickleDictionary()
  var elements: [PickleValue] = []
}

/// A storage that a pickle refers to by its key.
struct TorchStorage: Sendable {
  let key: String
  /// The element type of a typed storage; `nil` for an untyped one, which counts bytes, and for
  /// types that we cannot hold (`typeName` says which).
  let elementType: ElementType?
  let typeName: String
  let isUntyped: Bool
  /// The elements of the storage, or of the view of it.
  var elementCount: Int
  /// Of a view, the element of the storage at which it starts.
  var viewOffset = 0
  /// The elements of the whole storage.
  var rootCount: Int
  /// Of numbers that stand in the pickle itself, where.
  var data: Int?
}

/// A tensor as a pickle describes it; nothing is checked yet.
struct TorchTensor: Sendable {
  var storage: Int?
  /// The element type, where there is one; otherwise `refusal` says what there is.
  var elementType: ElementType?
  var offset = 0
  var sizes: [Int]
  var strides: [Int]
  /// Where in the pickle the tensor is made.
  let pickleOffset: Int
  var attributes: PickleValue = .none
  /// Why the tensor cannot be had.
  var refusal: String?
  /// Whether the numbers' signs, or those of their imaginary parts, are to be turned.
  var isNegated = false
  var isConjugated = false
  /// The byte order of an array that states its own.
  var isBigEndian: Bool?
  /// Whether two numbers stand in each byte that is counted as an element.
  var isPacked = false
  /// Whether it is an array of NumPy's, which may yet be given its state.
  var isArray = false
}

/// A numpy dtype: its code (`f8`) and byte order.
struct NumpyType: Sendable {
  let code: String
  var isBigEndian = false
  /// Whether it is more than one number: fields, or a shape of its own.
  var isStructured = false

  /// Takes a code as `numpy.dtype` does: `f4`, with a byte order in front (`>f4`), one letter, or a
  /// name. numpy itself pickles the first form only.
  init(code: String) {
    var rest = Substring(code)
    if let order = rest.first, "<>=|".contains(order), rest.count > 1 {
      isBigEndian = order == ">"
      rest.removeFirst()
    }
    self.code = Self.names[String(rest)] ?? String(rest)
  }

  /// The element type of plain numbers.
  var elementType: ElementType? { isStructured ? nil : Self.elementTypes[code] }

  private static let elementTypes: [String: ElementType] = [
    "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8,
    "u2": .uint16, "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32,
    "f8": .float64, "c8": .complex64, "c16": .complex128,
  ]

  /// Other spellings: letters and names whose width is the same on every machine.
  private static let names: [String: String] = [
    "?": "b1", "bool": "b1", "bool_": "b1", "b": "i1", "byte": "i1", "int8": "i1", "B": "u1",
    "ubyte": "u1", "uint8": "u1", "h": "i2", "short": "i2", "int16": "i2", "H": "u2",
    "ushort": "u2", "uint16": "u2", "i": "i4", "intc": "i4", "int32": "i4", "I": "u4",
    "uintc": "u4", "uint32": "u4", "q": "i8", "longlong": "i8", "int64": "i8", "Q": "u8",
    "ulonglong": "u8", "uint64": "u8", "e": "f2", "half": "f2", "float16": "f2", "f": "f4",
    "single": "f4", "float32": "f4", "d": "f8", "double": "f8", "float64": "f8", "float": "f8",
    "F": "c8", "csingle": "c8", "complex64": "c8", "D": "c16", "cdouble": "c16",
    "complex128": "c16", "complex": "c16", "O": "O8", "object": "O8",
  ]
}

/// Everything that the values of one pickle refer to by index.
struct PickleHeap: Sendable {
  /// The elements of tuples, lists and sets.
  var sequences: [[PickleValue]] = []
  var dictionaries: [PickleDictionary] = []
  /// Attributes that were set on dictionaries (`_metadata` of a state dictionary).
  var attributes: [Int: PickleValue] = [:]
  var globals: [PickleGlobal] = []
  var storages: [TorchStorage] = []
  var tensors: [TorchTensor] = []
  var data: [PickleData] = []
  var numpyTypes: [NumpyType] = []
  var objects: [PickleObject] = []
  /// An estimate of the memory that all of it takes.
  var weight = 0

  /// What an element of a list is estimated to take, with room for an array that doubles.
  static let elementWeight = 48

  mutating func newSequence(_ elements: [PickleValue]) -> Int {
    weight += 24 + (elements.isEmpty ? 0 : 32 + Self.elementWeight * elements.count)
    sequences.append(elements)
    return sequences.count - 1
  }

  mutating func newDictionary(_ dictionary: PickleDictionary = PickleDictionary()) -> PickleValue {
    weight += 48 + 6 * Self.elementWeight * dictionary.entries.count
    dictionaries.append(dictionary)
    return .dictionary(dictionaries.count - 1)
  }

  /// The elements of a tuple or list.
  func elements(of value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): sequences[index]
    default: nil
    }
  }

  /// The whole numbers of a tuple or list.
  func integers(of value: PickleValue) -> [Int]? {
    guard let elements = elements(of: value) else { return nil }
    let numbers = elements.compactMap(\.integerValue)
    return numbers.count == elements.count ? numbers : nil
  }

  /// What the pickle names that we do not know, in the order of the pickle.
  var opaqueValues: [OpaqueValue] {
    globals.filter { $0.known == nil }.map {
      OpaqueValue(module: $0.module, name: $0.name, offset: $0.offset, isCalled: $0.isCalled)
    }
  }
}
