extension JSON {
  /// The value as text.
  ///
  /// Numbers are written so that they read back equal. NaN and the infinities, for which JSON has
  /// no spelling, are written as `null`. The text is ASCII-safe for control characters only; other
  /// characters stand as they are.
  ///
  /// - Parameter indent: spaces a level; `nil` writes one line without spaces.
  public func text(indent: Int? = nil) -> String {
    var output = ""
    append(to: &output, indent: indent, level: 0)
    return output
  }

  private func append(to output: inout String, indent: Int?, level: Int) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .integer(let value): output += String(value)
    case .number(let value): output += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.append(string: value, to: &output)
    case .array(let elements):
      // Arrays of plain values (shapes, for one) read better on one line.
      let isFlat = elements.allSatisfy(\.isPlain)
      Self.append(
        elements, open: "[", close: "]", to: &output, indent: isFlat ? nil : indent, level: level,
        separator: isFlat && indent != nil ? ", " : ","
      ) { element, output in
        element.append(to: &output, indent: indent, level: level + 1)
      }
    case .object(let object):
      Self.append(
        object.members, open: "{", close: "}", to: &output, indent: indent, level: level,
        separator: ","
      ) { member, output in
        Self.append(string: member.key, to: &output)
        output += indent == nil ? ":" : ": "
        member.value.append(to: &output, indent: indent, level: level + 1)
      }
    }
  }

  private var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private static func append<Element>(
    _ elements: [Element], open: String, close: String, to output: inout String, indent: Int?,
    level: Int, separator: String, each: (Element, inout String) -> Void
  ) {
    output += open
    for (index, element) in elements.enumerated() {
      if index > 0 { output += separator }
      if let indent { output += "\n" + String(repeating: " ", count: indent * (level + 1)) }
      each(element, &output)
    }
    if let indent, !elements.isEmpty {
      output += "\n" + String(repeating: " ", count: indent * level)
    }
    output += close
  }

  private static func append(string: String, to output: inout String) {
    output += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
