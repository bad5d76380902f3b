internal import TensorCore

/// The type of a metadata value, by the code that the format gives it.
enum GGUFValueType: UInt32, CaseIterable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// The name in type notes: `u32`.
  var name: String {
    switch self {
    case .uint8: "u8"
    case .int8: "i8"
    case .uint16: "u16"
    case .int16: "i16"
    case .uint32: "u32"
    case .int32: "i32"
    case .float32: "f32"
    case .bool: "bool"
    case .string: "string"
    case .array: "array"
    case .uint64: "u64"
    case .int64: "i64"
    case .float64: "f64"
    }
  }

  /// The fewest bytes that a value takes: an empty string is its length, an empty array its
  /// element type and count.
  var leastBytes: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64, .string: 8
    case .array: 12
    }
  }
}

/// The type of a metadata value with that of its elements: `u32`, `[string]`, `[[i32]]`.
indirect enum GGUFType: Hashable {
  case scalar(GGUFValueType)
  case array(of: GGUFType)

  /// The type that a note names, or `nil` when it names none.
  init?(note: some StringProtocol) {
    if note.hasPrefix("["), note.hasSuffix("]"), note.utf8.count <= 2 * GGUFReader.depthLimit + 8 {
      guard let element = GGUFType(note: note.dropFirst().dropLast()) else { return nil }
      self = .array(of: element)
    } else {
      guard let type = GGUFValueType.allCases.first(where: { $0 != .array && $0.name == note })
      else { return nil }
      self = .scalar(type)
    }
  }

  /// How notes spell the type.
  var note: String {
    switch self {
    case .scalar(let type): type.name
    case .array(let element): "[\(element.note)]"
    }
  }
}
