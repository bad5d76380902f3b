/// Numbers and strings as Python's own parsers read them: the text opcodes hand their lines to
/// those (`_pickle.c`: `load_int`, `load_long`, `load_float`, `load_string`, `load_unicode`).
enum PythonLiteral {
  /// What `int(text, base)` gives; base 0 takes the prefixes `0x`, `0o`, `0b` and, as C's
  /// `strtol` does before Python is asked, a leading zero for octal. `nil` for what is no number.
  static func integer(_ text: String, base: Int) -> PickleValue? {
    // C's string ends at the first zero byte.
    let scalars = text.unicodeScalars.prefix { $0 != "\0" }
    var rest = scalars.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    var isNegative = false
    if let sign = rest.first, sign == "-" || sign == "+" {
      isNegative = sign == "-"
      rest.removeFirst()
    }
    var radix: UInt32 = 10
    if base == 0, rest.first == "0", let letter = rest.dropFirst().first {
      switch letter {
      case "x", "X": radix = 16
      case "o", "O": radix = 8
      case "b", "B": radix = 2
      default: radix = 8
      }
      // A lone underscore may follow a prefix.
      if !("0"..."9").contains(letter), letter != "_" {
        rest = rest.dropFirst(2)
        if rest.first == "_" { rest.removeFirst() }
      }
    }
    guard let magnitude = magnitude(rest, radix: radix) else { return nil }
    return value(magnitude, isNegative: isNegative)
  }

  /// Python refuses decimal texts beyond this length, and so bounds a quadratic conversion.
  private static let digitLimit = 4300

  /// The 32-bit words of a number, the lowest first.
  private static func magnitude(
    _ digits: Substring.UnicodeScalarView, radix: UInt32
  ) -> [UInt32]? {
    guard !digits.isEmpty, digits.count <= digitLimit else { return nil }
    var words: [UInt32] = []
    var wasDigit = false
    for scalar in digits {
      if scalar == "_" {
        guard wasDigit else { return nil }
        wasDigit = false
        continue
      }
      guard scalar.isASCII, let digit = Character(scalar).hexDigitValue, digit < radix else {
        return nil
      }
      wasDigit = true
      var carry = UInt64(digit)
      for index in words.indices {
        carry += UInt64(words[index]) * UInt64(radix)
        words[index] = UInt32(truncatingIfNeeded: carry)
        carry >>= 32
      }
      if carry > 0 { words.append(UInt32(carry)) }
    }
    return wasDigit ? words : nil
  }

  /// A number of 64 bits where it fits, else little-endian two's complement.
  private static func value(_ words: [UInt32], isNegative: Bool) -> PickleValue {
    var bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    bytes.append(0)
    if isNegative {
      var carry = true
      for index in bytes.indices {
        bytes[index] = ~bytes[index]
        if carry { (bytes[index], carry) = bytes[index].addingReportingOverflow(1) }
      }
    }
    // Bytes that only repeat the sign go.
    while bytes.count > 1, bytes[bytes.count - 1] == (isNegative ? 0xFF : 0),
      (bytes[bytes.count - 2] & 0x80 != 0) == isNegative
    {
      bytes.removeLast()
    }
    return Unpickler.whole(bytes[...])
  }

  /// What `float(text)` gives.
  static func float(_ text: String) -> Double? {
    let scalars = text.unicodeScalars.prefix { $0 != "\0" }
    let plain = String(scalars).filter { $0 != "_" && $0 != " " && $0 != "\t" && $0 != "\r" }
    guard !plain.lowercased().contains("0x") else { return nil }
    return Double(plain)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || (0x09...0x0D).contains(scalar.value)
  }

  // MARK: Strings

  /// UTF-8 in which lone surrogates are encoded like other characters: Python's `surrogatepass`.
  /// Swift's strings cannot hold them, so each becomes the text of its escape: `\ud800`.
  static func surrogatePass(_ bytes: ArraySlice<UInt8>) -> String? {
    var parts: [String] = []
    var rest = bytes
    while let place = surrogate(in: rest) {
      guard let head = String(validating: rest[rest.startIndex..<place], as: UTF8.self) else {
        return nil
      }
      let unit = 0xD000 | UInt32(rest[place + 1] & 0x3F) << 6 | UInt32(rest[place + 2] & 0x3F)
      parts += [head, escape(unit)]
      rest = rest[(place + 3)...]
    }
    guard let tail = String(validating: rest, as: UTF8.self) else { return nil }
    return parts.joined() + tail
  }

  private static func surrogate(in bytes: ArraySlice<UInt8>) -> Int? {
    var place = bytes.startIndex
    while let found = bytes[place...].firstIndex(of: 0xED) {
      if found + 2 < bytes.endIndex, bytes[found + 1] >= 0xA0, bytes[found + 1] <= 0xBF,
        bytes[found + 2] >= 0x80, bytes[found + 2] <= 0xBF
      {
        return found
      }
      place = found + 1
    }
    return nil
  }

  private static func escape(_ unit: UInt32) -> String { "\\u" + String(unit, radix: 16) }

  /// Python's raw-unicode-escape: Latin-1, and only `\u` and `\U` are escapes; a backslash in front
  /// of anything else stands for itself and takes that with it.
  static func rawUnicode(_ bytes: ArraySlice<UInt8>) -> String? {
    var result = String.UnicodeScalarView()
    var rest = bytes
    while let byte = rest.popFirst() {
      result.append(UnicodeScalar(byte))
      guard byte == UInt8(ascii: "\\"), let letter = rest.popFirst() else { continue }
      guard letter == UInt8(ascii: "u") || letter == UInt8(ascii: "U") else {
        result.append(UnicodeScalar(letter))
        continue
      }
      let width = letter == UInt8(ascii: "u") ? 4 : 8
      let digits = String(decoding: rest.prefix(width), as: UTF8.self)
      guard digits.utf8.count == width, digits.utf8.first != UInt8(ascii: "+"),
        digits.utf8.first != UInt8(ascii: "-"), let code = UInt32(digits, radix: 16),
        code <= 0x10FFFF
      else { return nil }
      rest = rest.dropFirst(width)
      result.removeLast()
      if let scalar = UnicodeScalar(code) {
        result.append(scalar)
      } else {
        result.append(contentsOf: escape(code).unicodeScalars)
      }
    }
    return String(result)
  }

  /// A string literal in quotes, as the bytes that it stands for.
  static func quoted(_ line: ArraySlice<UInt8>) -> [UInt8]? {
    guard line.count >= 2, let quote = line.first, quote == line.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { return nil }
    var result: [UInt8] = []
    var rest = line.dropFirst().dropLast()
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      guard let letter = rest.popFirst() else { return nil }
      switch letter {
      case UInt8(ascii: "x"):
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        guard digits.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
          digits.utf8.count == 2, let value = UInt8(digits, radix: 16)
        else { return nil }
        result.append(value)
        rest = rest.dropFirst(2)
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        var value = UInt16(letter & 7)
        for _ in 0..<2 {
          guard let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit)
          else { break }
          value = value << 3 | UInt16(digit & 7)
          rest.removeFirst()
        }
        result.append(UInt8(truncatingIfNeeded: value))
      default:
        if let value = escapes[letter] {
          result.append(value)
        } else {
          // Python keeps an escape that it does not know.
          result += [UInt8(ascii: "\\"), letter]
        }
      }
    }
    return result
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10,
    UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12, UInt8(ascii: "r"): 13,
    UInt8(ascii: "\\"): UInt8(ascii: "\\"), UInt8(ascii: "'"): UInt8(ascii: "'"),
    UInt8(ascii: "\""): UInt8(ascii: "\""),
  ]
}
