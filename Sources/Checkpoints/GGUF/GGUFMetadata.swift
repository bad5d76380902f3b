internal import TensorCore

/// The keys and values of a GGUF file, read as JSON.
///
/// Whole numbers beyond the range of `Int` become strings of digits, because JSON values hold no
/// greater ones. `types` remembers what every value was that is not a string.
struct GGUFMetadata {
  private(set) var values = JSONObject()
  /// The types of all values but strings, by key. A list of lists that differ in type has none.
  private(set) var types: [(key: String, type: GGUFType)] = []

  private var budget = GGUFReader.valueLimit

  init(reading count: Int, from cursor: inout GGUFCursor) throws(GGUFError) {
    var members: [(String, JSON)] = []
    var keys: Set<ExactName> = []
    members.reserveCapacity(count)
    for index in 0..<count {
      let key = try cursor.text("key \(index)")
      guard keys.insert(ExactName(key)).inserted else { throw cursor.fail(.duplicateKey(key)) }
      let type = try Self.valueType(from: &cursor, key: key)
      let (value, found) = try self.value(type, key: key, depth: 0, from: &cursor)
      members.append((key, value))
      if let found, found != .scalar(.string) { types.append((key, found)) }
    }
    values = JSONObject(members)
  }

  private static func valueType(
    from cursor: inout GGUFCursor, key: String
  ) throws(GGUFError) -> GGUFValueType {
    let code = try cursor.number(UInt32.self, "the type of key '\(key)'")
    guard let type = GGUFValueType(rawValue: code) else {
      throw cursor.fail(.value(key: key, problem: "has the unknown value type \(code)"))
    }
    return type
  }

  private mutating func value(
    _ type: GGUFValueType, key: String, depth: Int, from cursor: inout GGUFCursor
  ) throws(GGUFError) -> (JSON, GGUFType?) {
    budget -= 1
    guard budget >= 0 else { throw cursor.fail(.tooManyValues(limit: GGUFReader.valueLimit)) }
    if type == .array { return try array(key: key, depth: depth, from: &cursor) }
    return (try Self.scalar(type, key: key, from: &cursor), .scalar(type))
  }

  private static func scalar(
    _ type: GGUFValueType, key: String, from cursor: inout GGUFCursor
  ) throws(GGUFError) -> JSON {
    func number<Number: FixedWidthInteger & UnsignedInteger>(
      _ type: Number.Type
    ) throws(GGUFError) -> Number {
      try cursor.number(type, "the value of key '\(key)'")
    }
    switch type {
    case .uint8: return .integer(Int(try number(UInt8.self)))
    case .int8: return .integer(Int(Int8(bitPattern: try number(UInt8.self))))
    case .uint16: return .integer(Int(try number(UInt16.self)))
    case .int16: return .integer(Int(Int16(bitPattern: try number(UInt16.self))))
    case .uint32: return .integer(Int(try number(UInt32.self)))
    case .int32: return .integer(Int(Int32(bitPattern: try number(UInt32.self))))
    case .uint64:
      let value = try number(UInt64.self)
      return Int(exactly: value).map { .integer($0) } ?? .string(String(value))
    case .int64: return .integer(Int(Int64(bitPattern: try number(UInt64.self))))
    case .float32: return .number(Double(Float(bitPattern: try number(UInt32.self))))
    case .float64: return .number(Double(bitPattern: try number(UInt64.self)))
    case .bool:
      let value = try number(UInt8.self)
      guard value <= 1 else {
        throw cursor.fail(.value(key: key, problem: "has the Boolean \(value), expected 0 or 1"))
      }
      return .bool(value == 1)
    case .string: return .string(try cursor.text("the value of key '\(key)'"))
    case .array: preconditionFailure("an array is no scalar")
    }
  }

  private mutating func array(
    key: String, depth: Int, from cursor: inout GGUFCursor
  ) throws(GGUFError) -> (JSON, GGUFType?) {
    guard depth < GGUFReader.depthLimit else {
      throw cursor.fail(
        .value(key: key, problem: "nests arrays more than \(GGUFReader.depthLimit) levels deep"))
    }
    let type = try Self.valueType(from: &cursor, key: key)
    let count = try cursor.number(UInt64.self, "the count of key '\(key)'")
    let room = cursor.available / type.leastBytes
    guard count <= UInt64(room) else {
      throw cursor.fail(.count(of: "values of key '\(key)'", claimed: count, room: room))
    }
    guard count <= UInt64(max(budget, 0)) else {
      throw cursor.fail(.tooManyValues(limit: GGUFReader.valueLimit))
    }
    var elements: [JSON] = []
    elements.reserveCapacity(Int(count))
    // An empty list of lists does not say what the inner ones hold.
    var elementType: GGUFType? = type == .array ? nil : .scalar(type)
    for index in 0..<Int(count) {
      let (element, found) = try value(type, key: key, depth: depth + 1, from: &cursor)
      elements.append(element)
      if type == .array, index == 0 || elementType != found {
        elementType = index == 0 ? found : nil
      }
    }
    return (.array(elements), elementType.map { .array(of: $0) })
  }
}
