internal import TensorCore

/// What the elements of a NumPy array are, by its array-interface type string: `<f4`.
enum ArrayType: Sendable, Hashable {
  /// Numbers that a tensor can hold.
  case numbers(ElementType, isBigEndian: Bool)
  /// Text or dates: no numbers, and no harm either.
  case plain(String)
  /// What this reader refuses, and why.
  case refused(String)

  init(_ description: String) {
    var kind = Substring(description)
    let order = kind.first.flatMap { "<>|=".contains($0) ? kind.removeFirst() : nil }
    // `=` and `|` say that the machine's own order is meant, which was little-endian wherever a
    // model comes from; numpy itself writes neither for numbers of several bytes.
    if let type = Self.types[String(kind)] {
      self = .numbers(type, isBigEndian: order == ">")
      return
    }
    switch (kind.first, Int(kind.dropFirst())) {
    case ("O", _): self = .refused("holds pickled Python objects, which are not read")
    case ("U", .some), ("S", .some), ("a", .some): self = .plain("text")
    case ("M", _), ("m", _): self = .plain("dates")
    case ("V", .some):
      self = .refused("holds raw bytes ('\(description)') whose meaning the file does not say")
    case ("f", 12), ("f", 16), ("c", 24), ("c", 32), ("g", _), ("G", _):
      self = .refused(
        "holds long doubles ('\(description)'), whose layout depends on the machine")
    default: self = .refused("has the unknown type '\(description)'")
    }
  }

  /// By kind and bytes. `V2` is what numpy makes of bfloat16 (ml_dtypes, and so JAX, saves it as
  /// raw bytes of that size); nothing else of two bytes is saved as raw.
  private static let types: [String: ElementType] = [
    "b1": .bool, "?": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8,
    "u2": .uint16, "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
    "c8": .complex64, "c16": .complex128, "V2": .bfloat16,
  ]

  /// The type string that numpy writes for numbers of a type, or `nil` when it has no such type.
  static func description(of type: ElementType) -> String? {
    guard type != .bfloat16, let kind = types.first(where: { $0.value == type && $0.key != "?" })
    else { return nil }
    return (type.blockBytes == 1 ? "|" : "<") + kind.key
  }
}
