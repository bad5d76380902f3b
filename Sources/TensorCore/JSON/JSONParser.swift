/// Text that is not the JSON it should be.
public struct JSONError: DescribedError, Hashable {
  /// Where, in bytes from the start of the text.
  public let offset: Int
  /// What is wrong there: `expected ':', found '}'`.
  public let problem: String

  /// Describes a problem at a byte.
  public init(offset: Int, problem: String) {
    self.offset = offset
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String { "invalid JSON at byte \(offset): \(problem)" }
}

extension JSON {
  /// Parses a whole text (RFC 8259): one value, nothing behind it but white space.
  ///
  /// Stricter than most parsers, because headers are claims of strangers: duplicate keys, invalid
  /// UTF-8, lone surrogates and nesting deeper than 128 levels are errors.
  public init(parsing utf8: [UInt8]) throws(JSONError) {
    var parser = JSONParser(bytes: utf8)
    self = try parser.parseText()
  }

  /// Parses a string.
  public init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }
}

/// A recursive-descent parser over the UTF-8 bytes.
private struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  var depth = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  static let depthLimit = 128

  func fail(_ problem: String, at offset: Int? = nil) -> JSONError {
    JSONError(offset: offset ?? position, problem: problem)
  }

  var found: String {
    guard position < bytes.count else { return "the end" }
    let byte = bytes[position]
    return (0x20..<0x7F).contains(byte)
      ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
  }

  mutating func parseText() throws(JSONError) -> JSON {
    skipSpace()
    let value = try parseValue()
    skipSpace()
    guard position == bytes.count else { throw fail("expected the end, found \(found)") }
    return value
  }

  mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  mutating func parseValue() throws(JSONError) -> JSON {
    guard position < bytes.count else { throw fail("expected a value, found the end") }
    switch bytes[position] {
    case UInt8(ascii: "{"):
      return try nested { parser throws(JSONError) in try parser.parseObject() }
    case UInt8(ascii: "["):
      return try nested { parser throws(JSONError) in try parser.parseArray() }
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
    case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
    case UInt8(ascii: "n"): return try parseWord("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
    default: throw fail("expected a value, found \(found)")
    }
  }

  mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSON
  ) throws(JSONError) -> JSON {
    guard depth < Self.depthLimit else {
      throw fail("nested more than \(Self.depthLimit) levels deep")
    }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  mutating func parseWord(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let text = "\(word)"
    guard bytes[position...].starts(with: text.utf8) else {
      throw fail("expected '\(text)', found \(found)")
    }
    position += text.utf8.count
    return value
  }

  mutating func parseObject() throws(JSONError) -> JSON {
    position += 1
    var members: [JSONObject.Member] = []
    var keys: Set<ExactName> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(JSONObject()) }
    while true {
      skipSpace()
      let start = position
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw fail("expected a key, found \(found)")
      }
      let key = try parseString()
      guard keys.insert(ExactName(key)).inserted else {
        throw fail("key '\(key)' stands twice", at: start)
      }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw fail("expected ':', found \(found)") }
      skipSpace()
      members.append(JSONObject.Member(key: key, value: try parseValue()))
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: members)) }
      guard take(UInt8(ascii: ",")) else { throw fail("expected ',' or '}', found \(found)") }
    }
  }

  mutating func parseArray() throws(JSONError) -> JSON {
    position += 1
    var elements: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array([]) }
    while true {
      skipSpace()
      elements.append(try parseValue())
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw fail("expected ',' or ']', found \(found)") }
    }
  }

  mutating func parseNumber() throws(JSONError) -> JSON {
    let start = position
    var isWhole = true
    _ = take(UInt8(ascii: "-"))
    let firstDigit = position
    let integerDigits = skipDigits()
    guard integerDigits > 0 else { throw fail("expected a digit, found \(found)") }
    guard integerDigits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else {
      throw fail("a number starts with 0", at: start)
    }
    if take(UInt8(ascii: ".")) {
      isWhole = false
      guard skipDigits() > 0 else { throw fail("expected a digit, found \(found)") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isWhole = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard skipDigits() > 0 else { throw fail("expected a digit, found \(found)") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    // Minus zero is a number of its own, which no integer is.
    if isWhole, text != "-0", let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw fail("the number \(text) is out of range", at: start)
    }
    return .number(value)
  }

  mutating func skipDigits() -> Int {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    {
      position += 1
    }
    return position - start
  }

  mutating func parseString() throws(JSONError) -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while true {
      guard position < bytes.count else { throw fail("the string has no end", at: start) }
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw fail("the string is not valid UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text.append(contentsOf: String(try parseEscape()).utf8)
      case ..<0x20:
        throw fail("a control character in a string must be escaped, found \(found)")
      default:
        text.append(byte)
        position += 1
      }
    }
  }

  mutating func parseEscape() throws(JSONError) -> Character {
    guard position < bytes.count else { throw fail("the escape has no end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let start = position
      var value = UInt32(try parseHex())
      if (0xD800..<0xDC00).contains(value) {
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
          throw fail("a lone surrogate", at: start)
        }
        let low = UInt32(try parseHex())
        guard (0xDC00..<0xE000).contains(low) else { throw fail("a lone surrogate", at: start) }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = UnicodeScalar(value) else { throw fail("a lone surrogate", at: start) }
      return Character(scalar)
    default:
      position -= 1
      throw fail("an unknown escape, \(found)")
    }
  }

  mutating func parseHex() throws(JSONError) -> UInt16 {
    guard position + 4 <= bytes.count,
      bytes[position..<position + 4].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let value = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw fail("expected four hexadecimal digits, found \(found)") }
    position += 4
    return value
  }
}
