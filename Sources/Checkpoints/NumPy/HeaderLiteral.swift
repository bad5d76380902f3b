/// A Python literal of the kinds that a `.npy` header holds.
enum HeaderLiteral: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int)
  case string(String)
  case tuple([HeaderLiteral])
  case list([HeaderLiteral])
  case dictionary([Member])

  /// A key of a dictionary and its value.
  struct Member: Sendable, Hashable {
    let key: String
    let value: HeaderLiteral
  }

  /// Why a text is no such literal, and where, in bytes.
  struct Problem: Error, Hashable {
    let offset: Int
    let text: String
  }

  /// Parses a whole text: one literal, and nothing behind it but white space.
  ///
  /// Nothing is evaluated. Escapes in strings, which no header needs, and keys that stand twice are
  /// errors.
  init(parsing bytes: [UInt8]) throws(Problem) {
    var parser = Parser(bytes: bytes)
    self = try parser.parseText()
  }
}

private struct Parser {
  let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// A structured type nests its fields a few levels deep.
  private static let depthLimit = 16

  private func expected(_ what: String) -> HeaderLiteral.Problem {
    guard position < bytes.count else {
      return HeaderLiteral.Problem(offset: position, text: "expected \(what), found the end")
    }
    let byte = bytes[position]
    let found =
      (0x20..<0x7F).contains(byte)
      ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
    return HeaderLiteral.Problem(offset: position, text: "expected \(what), found \(found)")
  }

  mutating func parseText() throws(HeaderLiteral.Problem) -> HeaderLiteral {
    let value = try parseValue()
    skipSpace()
    guard position == bytes.count else { throw expected("the end") }
    return value
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D, 0x0C].contains(bytes[position]) {
      position += 1
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func take(word: String) -> Bool {
    guard bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  private mutating func parseValue() throws(HeaderLiteral.Problem) -> HeaderLiteral {
    skipSpace()
    guard position < bytes.count else { throw expected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .dictionary(try parseDictionary())
    case UInt8(ascii: "["): return .list(try parseElements(until: UInt8(ascii: "]")).elements)
    case UInt8(ascii: "("):
      let (elements, hasComma) = try parseElements(until: UInt8(ascii: ")"))
      // One value in parentheses is that value.
      return elements.count == 1 && !hasComma ? elements[0] : .tuple(elements)
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return .integer(try parseInteger())
    default:
      if take(word: "True") { return .bool(true) }
      if take(word: "False") { return .bool(false) }
      if take(word: "None") { return .none }
      throw expected("a value")
    }
  }

  private mutating func enter() throws(HeaderLiteral.Problem) {
    guard depth < Self.depthLimit else {
      throw HeaderLiteral.Problem(
        offset: position, text: "nested more than \(Self.depthLimit) levels deep")
    }
    depth += 1
    position += 1
    skipSpace()
  }

  private mutating func parseDictionary() throws(HeaderLiteral.Problem) -> [HeaderLiteral.Member] {
    try enter()
    var members: [HeaderLiteral.Member] = []
    while !take(UInt8(ascii: "}")) {
      guard position < bytes.count, [0x22, 0x27].contains(bytes[position]) else {
        throw expected("a key")
      }
      let start = position
      let key = try parseString()
      guard !members.contains(where: { $0.key.utf8.elementsEqual(key.utf8) }) else {
        throw HeaderLiteral.Problem(offset: start, text: "key '\(key)' stands twice")
      }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw expected("':'") }
      members.append(HeaderLiteral.Member(key: key, value: try parseValue()))
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
      } else if position >= bytes.count || bytes[position] != UInt8(ascii: "}") {
        throw expected("',' or '}'")
      }
    }
    depth -= 1
    return members
  }

  private mutating func parseElements(
    until end: UInt8
  ) throws(HeaderLiteral.Problem) -> (elements: [HeaderLiteral], hasComma: Bool) {
    try enter()
    var elements: [HeaderLiteral] = []
    var hasComma = false
    while !take(end) {
      elements.append(try parseValue())
      skipSpace()
      if take(UInt8(ascii: ",")) {
        hasComma = true
        skipSpace()
      } else if position >= bytes.count || bytes[position] != end {
        throw expected("',' or '\(Character(UnicodeScalar(end)))'")
      }
    }
    depth -= 1
    return (elements, hasComma)
  }

  private mutating func parseString() throws(HeaderLiteral.Problem) -> String {
    let start = position
    let quote = bytes[position]
    position += 1
    while position < bytes.count, bytes[position] != quote {
      guard bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\\") else {
        throw expected("a string without escapes and control characters")
      }
      position += 1
    }
    guard let string = String(validating: bytes[start + 1..<position], as: UTF8.self) else {
      throw HeaderLiteral.Problem(offset: start, text: "the string is not valid UTF-8")
    }
    guard take(quote) else {
      throw HeaderLiteral.Problem(offset: start, text: "the string has no end")
    }
    return string
  }

  private mutating func parseInteger() throws(HeaderLiteral.Problem) -> Int {
    let start = position
    _ = take(UInt8(ascii: "-"))
    let first = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
    guard position > first else { throw expected("a digit") }
    guard position == first + 1 || bytes[first] != UInt8(ascii: "0") else {
      throw HeaderLiteral.Problem(offset: start, text: "a number starts with 0")
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Int(text) else {
      throw HeaderLiteral.Problem(offset: start, text: "the number \(text) is out of range")
    }
    // Python 2 marked long numbers so; numpy still reads them.
    _ = take(UInt8(ascii: "L"))
    return value
  }
}
