internal import TensorCore

/// The keys and values at the start of a GGUF file, as bytes.
struct GGUFKeyValues {
  private(set) var bytes: [UInt8] = []
  /// The number of keys.
  private(set) var count = 0
  /// The types that a reader noted, by key.
  private let types: [String: GGUFType]

  /// Starts without keys.
  ///
  /// - Parameter notes: `gguf.types` as a reader left it, or its text, which is what other
  ///   containers make of it.
  init(notes: JSON?) {
    var object = notes?.objectValue
    if let text = notes?.stringValue { object = Self.parsed(text)?.objectValue }
    types = Dictionary(
      (object?.members ?? []).compactMap { member in
        member.value.stringValue.flatMap { GGUFType(note: $0) }.map { (member.key, $0) }
      }, uniquingKeysWith: { _, last in last })
  }

  /// Adds a key with the type that was noted for it, where the value fits that type, or else the
  /// first of `string`, `bool`, `u32`, `i32`, `i64`, `f32` and `f64` that holds it exactly. Objects
  /// and lists of unlike values are written as their JSON text: GGUF has neither.
  mutating func add(_ key: String, _ value: JSON) {
    if let type = types[key], let value = Self.value(value, fitting: type) {
      append(key, value, type)
    } else if let type = Self.type(of: value) {
      append(key, value, type)
    } else {
      append(key, .string(value.text()), .scalar(.string))
    }
  }

  /// Adds a key with a value of the given type, which must fit.
  mutating func append(_ key: String, _ value: JSON, _ type: GGUFType) {
    bytes.append(ggufString: key)
    bytes.append(little: Self.code(type))
    append(value, type)
    count += 1
  }

  private static func code(_ type: GGUFType) -> UInt32 {
    switch type {
    case .scalar(let type): type.rawValue
    case .array: GGUFValueType.array.rawValue
    }
  }

  private mutating func append(_ value: JSON, _ type: GGUFType) {
    switch type {
    case .array(let element):
      let elements = value.arrayValue ?? []
      bytes.append(little: Self.code(element))
      bytes.append(little: UInt64(elements.count))
      for item in elements { append(item, element) }
    case .scalar(.string): bytes.append(ggufString: value.stringValue ?? "")
    case .scalar(.bool): bytes.append(value.boolValue == true ? 1 : 0)
    case .scalar(.float32):
      bytes.append(little: Float(value.doubleValue ?? 0).bitPattern)
    case .scalar(.float64): bytes.append(little: (value.doubleValue ?? 0).bitPattern)
    case .scalar(let type):
      let bits =
        value.stringValue.flatMap { UInt64($0) }
        ?? UInt64(bitPattern: Int64(value.intValue ?? 0))
      for index in 0..<type.leastBytes {
        bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt64(index))))
      }
    }
  }

  // MARK: Types of values

  /// The value as one of the type, or `nil` when it is none. safetensors keeps values as their
  /// text: `"3"` is a number again where a number was noted.
  private static func value(_ value: JSON, fitting type: GGUFType) -> JSON? {
    if fits(value, type) { return value }
    guard let parsed = value.stringValue.flatMap(parsed), fits(parsed, type) else { return nil }
    return parsed
  }

  private static func parsed(_ text: String) -> JSON? { try? JSON(parsing: Array(text.utf8)) }

  private static func fits(_ value: JSON, _ type: GGUFType) -> Bool {
    switch type {
    case .array(let element): value.arrayValue?.allSatisfy { fits($0, element) } ?? false
    case .scalar(let type):
      switch type {
      case .string: value.stringValue != nil
      case .bool: value.boolValue != nil
      case .uint64:
        // Beyond `Int`, a string of digits.
        if let text = value.stringValue {
          UInt64(text).map { $0 > Int.max && String($0) == text } ?? false
        } else {
          (value.intValue ?? -1) >= 0
        }
      case .float32: value.doubleValue.map(isFloat) ?? false
      case .float64: value.doubleValue != nil
      case .array: false
      default: value.intValue.map { range(of: type)?.contains($0) ?? false } ?? false
      }
    }
  }

  private static func isFloat(_ value: Double) -> Bool {
    value.isNaN || Double(Float(value)) == value
  }

  private static func range(of type: GGUFValueType) -> ClosedRange<Int>? {
    switch type {
    case .uint8: 0...Int(UInt8.max)
    case .int8: Int(Int8.min)...Int(Int8.max)
    case .uint16: 0...Int(UInt16.max)
    case .int16: Int(Int16.min)...Int(Int16.max)
    case .uint32: 0...Int(UInt32.max)
    case .int32: Int(Int32.min)...Int(Int32.max)
    case .int64: Int.min...Int.max
    default: nil
    }
  }

  /// The type for a value of which nothing was noted, `nil` when GGUF has none.
  private static func type(of value: JSON) -> GGUFType? {
    switch value {
    case .null, .object: nil
    case .array(let elements): elementType(of: elements).map { .array(of: $0) }
    default: smallest([value]).map { .scalar($0) }
    }
  }

  private static func elementType(of elements: [JSON]) -> GGUFType? {
    if elements.isEmpty { return .scalar(.int32) }
    if let scalar = smallest(elements) { return .scalar(scalar) }
    let types = elements.map(type)
    guard let first = types[0], case .array = first, types.allSatisfy({ $0 == first }) else {
      return nil
    }
    return first
  }

  private static func smallest(_ values: [JSON]) -> GGUFValueType? {
    let order: [GGUFValueType] = [.string, .bool, .uint32, .int32, .int64, .float32, .float64]
    return order.first { type in values.allSatisfy { fits($0, .scalar(type)) } }
  }
}

extension [UInt8] {
  /// Appends a number, least significant byte first.
  mutating func append<Number: FixedWidthInteger>(little value: Number) {
    for index in 0..<MemoryLayout<Number>.size {
      append(UInt8(truncatingIfNeeded: value >> Number(8 * index)))
    }
  }

  /// Appends a string as GGUF has them: a length of 64 bits, then UTF-8.
  mutating func append(ggufString text: String) {
    append(little: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
