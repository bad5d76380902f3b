internal import TensorCore

/// GGUF's codes of element types (`ggml_type`).
enum GGUFElementType {
  /// The types that assay reads, by code.
  static let known: [(code: UInt32, type: ElementType)] = [
    (0, .float32), (1, .float16), (2, .q40), (3, .q41), (6, .q50), (7, .q51), (8, .q80),
    (10, .q2K), (11, .q3K), (12, .q4K), (13, .q5K), (14, .q6K), (15, .q8K), (24, .int8),
    (25, .int16), (26, .int32), (27, .int64), (28, .float64), (30, .bfloat16),
  ]

  /// The types that have a name and are not read: 9 because ggml and the gguf package disagree
  /// about its size, the others because nothing here decodes them. 4, 5, 31 to 33 and 36 to 38 were
  /// taken back by ggml.
  private static let unread: [UInt32: String] = [
    4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 31: "Q4_0_4_4",
    32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0", 35: "TQ2_0", 36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
  ]

  /// The type of a code, if assay reads it.
  static func type(code: UInt32) -> ElementType? { known.first { $0.code == code }?.type }

  /// What is wrong with a code that `type(code:)` does not know.
  static func problem(code: UInt32) -> String {
    guard let name = unread[code] else { return "has the unknown type \(code)" }
    return "is \(name) (type \(code)), which assay does not decode"
  }
}

extension ElementType {
  /// GGUF's code, or `nil` when the format has none.
  var ggufCode: UInt32? { GGUFElementType.known.first { $0.type == self }?.code }
}
