/// Names of tensors taken apart at their dots, by bytes: a model has thousands of names, and characters
/// are slow to tell apart.
extension Substring {
  /// The module that a name stands directly below, and the last component; `nil` at the top.
  package var lastStep: (parent: Substring, child: Substring)? {
    guard let dot = utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return (self[..<dot], self[utf8.index(after: dot)...])
  }

  /// What stands behind a beginning; `nil` when the name begins otherwise.
  package func behind(_ prefix: String) -> Substring? {
    guard utf8.starts(with: prefix.utf8) else { return nil }
    return self[utf8.index(startIndex, offsetBy: prefix.utf8.count)...]
  }

  /// Whether it is made of digits alone.
  package var isNumber: Bool {
    !isEmpty && utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}

extension String {
  /// The parts between the dots, empty ones too.
  package var dottedParts: [Substring] {
    var parts: [Substring] = []
    var start = startIndex
    while let dot = utf8[start...].firstIndex(of: UInt8(ascii: ".")) {
      parts.append(self[start..<dot])
      start = utf8.index(after: dot)
    }
    parts.append(self[start...])
    return parts
  }

  /// What stands before the first dot.
  package var firstComponent: Substring {
    self[..<(utf8.firstIndex(of: UInt8(ascii: ".")) ?? endIndex)]
  }

  /// What stands behind the last dot.
  package var lastComponent: Substring { self[...].lastStep?.child ?? self[...] }
}
