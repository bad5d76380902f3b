import Testing

@testable import TensorCore

@Suite struct JSONTests {
  static let values: [(String, JSON)] = [
    ("null", JSON.null), (" true ", .bool(true)), ("-0", .number(-0.0)), ("12", .integer(12)),
    ("1.5e3", .number(1500)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .number(9223372036854775808)), ("[]", .array([])),
    ("{\"b\":1,\"a\":[2,{}]}", ["b": 1, "a": .array([.integer(2), .object([:])])]),
    (#""\ud83e\uddf1 \u00e9\n\/\\""#, .string("🧱 é\n/\\")), ("\"größe\"", .string("größe")),
  ]

  @Test(arguments: values)
  func parses(text: String, value: JSON) throws {
    #expect(try JSON(parsing: text) == value)
  }

  @Test(arguments: [
    ("", 0, "expected a value, found the end"), ("{\"a\":1,\"a\":2}", 7, "key 'a' stands twice"),
    ("[1,]", 3, "expected a value, found ']'"), ("[1 2]", 3, "expected ',' or ']', found '2'"),
    ("{\"a\" 1}", 5, "expected ':', found '1'"), ("{1:2}", 1, "expected a key, found '1'"),
    ("01", 0, "a number starts with 0"), ("1.", 2, "expected a digit, found the end"),
    ("-", 1, "expected a digit, found the end"), ("1e999", 0, "the number 1e999 is out of range"),
    ("nul", 0, "expected 'null', found 'n'"), ("1 x", 2, "expected the end, found 'x'"),
    ("\"ab", 0, "the string has no end"), (#""\ud800""#, 3, "a lone surrogate"),
    (#""\ud800\u0041""#, 3, "a lone surrogate"), (#""\udc00""#, 3, "a lone surrogate"),
    (#""\x""#, 2, "an unknown escape, 'x'"),
    (#""\u12g4""#, 3, "expected four hexadecimal digits, found '1'"),
    ("\"a\nb\"", 2, "a control character in a string must be escaped, found byte 0xa"),
    ("NaN", 0, "expected a value, found 'N'"),
  ])
  func refuses(text: String, offset: Int, problem: String) {
    #expect(throws: JSONError(offset: offset, problem: problem)) { try JSON(parsing: text) }
  }

  @Test func refusesBytesThatAreNotUTF8() {
    #expect(throws: JSONError(offset: 0, problem: "the string is not valid UTF-8")) {
      try JSON(parsing: [0x22, 0xC3, 0x22])
    }
  }

  @Test func nestingHasALimit() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSON(parsing: nested(128))
    #expect(throws: JSONError(offset: 128, problem: "nested more than 128 levels deep")) {
      try JSON(parsing: nested(129))
    }
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
  }

  @Test func whatIsWrittenReadsBack() throws {
    let value: JSON = [
      "text": "a\"b\\c\u{1}\u{7F}\u{2028}🧱",
      "numbers": [0, -1, 0.1, 1e300, .number(.leastNonzeroMagnitude), 3.0],
      "nested": ["empty": .object([:]), "list": [[1, 2], .array([])]], "none": .null, "yes": true,
    ]
    #expect(try JSON(parsing: value.text()) == value)
    #expect(try JSON(parsing: value.text(indent: 2)) == value)
    #expect(JSON.number(.nan).text() == "null")
    #expect(JSON.array([.integer(1), .integer(2)]).text() == "[1,2]")
  }

  @Test func objectsKeepTheirOrder() throws {
    var object = try #require(try JSON(parsing: "{\"z\":1,\"a\":2,\"m\":3}").objectValue)
    #expect(object.keys == ["z", "a", "m"])
    object["a"] = 5
    object["new"] = 6
    object["z"] = nil
    #expect(object.keys == ["a", "m", "new"])
    #expect(object["a"] == 5)
  }
}
