/// A JSON value whose objects keep the order of their members.
///
/// Configurations, headers and reports are read and written through this type: duplicate keys are
/// an error with a byte offset, and what is written comes out in the order it was built.
public enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object(JSONObject)
}

/// The members of a JSON object in order.
public struct JSONObject: Sendable, Hashable {
  /// One key and its value.
  public struct Member: Sendable, Hashable {
    /// The key.
    public var key: String
    /// The value.
    public var value: JSON
  }

  /// The members, in order.
  public private(set) var members: [Member] = []

  /// Makes an empty object.
  public init() {}

  /// Makes an object of members. The last value of a key that stands twice wins, in the place of
  /// the first.
  public init(_ members: [(String, JSON)]) {
    var places: [ExactName: Int] = [:]
    for (key, value) in members {
      if let place = places.updateValue(self.members.count, forKey: ExactName(key)) {
        places[ExactName(key)] = place
        self.members[place].value = value
      } else {
        self.members.append(Member(key: key, value: value))
      }
    }
  }

  init(unique members: [Member]) { self.members = members }

  /// The value of a key. Setting keeps the place of an existing key; `nil` removes it.
  public subscript(key: String) -> JSON? {
    get { members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value }
    set {
      let index = members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// The keys, in order.
  public var keys: [String] { members.map(\.key) }
  /// Whether there are no members.
  public var isEmpty: Bool { members.isEmpty }
  /// The number of members.
  public var count: Int { members.count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Makes an object from a literal.
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}

extension JSON {
  /// The Boolean, if this is one.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The whole number, if this is one (`2.0` counts).
  public var intValue: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }
  /// The number, if this is one.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
  /// The string, if this is one.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  /// The elements, if this is an array.
  public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// The members, if this is an object.
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
  /// A member of an object; `nil` for anything else.
  public subscript(key: String) -> JSON? { objectValue?[key] }

  /// What a text is the JSON of; anything else is itself. Containers that hold nothing but texts keep
  /// objects and lists so.
  public var unquoted: JSON {
    stringValue.flatMap { try? JSON(parsing: Array($0.utf8)) } ?? self
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// Makes a string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Makes a whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// Makes a number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Makes a Boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// Makes an array.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// Makes an object.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(JSONObject(elements))
  }
}
