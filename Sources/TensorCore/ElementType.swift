/// How the elements of a tensor are stored.
///
/// Every type is a run of blocks: `blockElements` logical elements in `blockBytes` bytes. Plain
/// numbers have one element a block; packed and quantised types have several. The raw values are
/// the stable codes of the ingot format (`Docs/ingot.md`); they are never reused.
public enum ElementType: UInt16, Sendable, Hashable, CaseIterable {
  case bool = 0x01
  case uint8 = 0x02
  case int8 = 0x03
  case uint16 = 0x04
  case int16 = 0x05
  case uint32 = 0x06
  case int32 = 0x07
  case uint64 = 0x08
  case int64 = 0x09

  case float16 = 0x10
  case bfloat16 = 0x11
  case float32 = 0x12
  case float64 = 0x13

  case float8E4M3FN = 0x18
  case float8E5M2 = 0x19
  case float8E4M3FNUZ = 0x1A
  case float8E5M2FNUZ = 0x1B
  case float8E8M0FNU = 0x1C
  case float6E2M3 = 0x1D
  case float6E3M2 = 0x1E
  case float4E2M1 = 0x1F

  case complex64 = 0x20
  case complex128 = 0x21

  case q40 = 0x42
  case q41 = 0x43
  case q50 = 0x46
  case q51 = 0x47
  case q80 = 0x48
  case q81 = 0x49
  case q2K = 0x4A
  case q3K = 0x4B
  case q4K = 0x4C
  case q5K = 0x4D
  case q6K = 0x4E
  case q8K = 0x4F
}

extension ElementType {
  /// The number of logical elements that one stored block holds.
  public var blockElements: Int { layout.elements }

  /// The number of bytes that one stored block takes.
  public var blockBytes: Int { layout.bytes }

  /// The name shown to people and written to `--json`: `f16`, `i64`, `q4_k`.
  public var name: String { layout.name }

  /// Whether the type is a float of 16 bits or more, whose values stand by themselves.
  public var isPlainFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// Whether the type is one of ggml's block types: several values share a scale.
  public var isGGMLBlock: Bool { rawValue >= ElementType.q40.rawValue }

  /// Whether `ElementConversion` converts from this type: plain floats, floats of one byte, and
  /// ggml's block types.
  public var isDecodable: Bool {
    switch self {
    case .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU: true
    default: isPlainFloat || isGGMLBlock
    }
  }

  /// Whether `ElementConversion` converts to this type, and so `--dtype` takes it: plain floats and
  /// ggml's simple block types.
  public var isEncodable: Bool {
    switch self {
    case .q40, .q41, .q50, .q51, .q80: true
    default: isPlainFloat
    }
  }

  /// The types that can be made, for messages and help: `f16, bf16, …`.
  public static var castTargets: String {
    allCases.filter(\.isEncodable).map(\.name).joined(separator: ", ")
  }

  /// The bytes of a whole number of blocks with `elements` elements together.
  public func byteCount(of elements: Int) -> Int { elements / blockElements * blockBytes }

  /// The type with the given `name`, if there is one.
  public init?(name: String) {
    guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = match
  }

  /// The bytes that a tensor of this type and shape takes, or `nil` when the shape is not a whole
  /// number of blocks or the count overflows.
  public func byteCount(for shape: TensorShape) -> Int? {
    guard shape.elementCount % blockElements == 0 else { return nil }
    let (bytes, overflow) = (shape.elementCount / blockElements)
      .multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }

  private var layout: (name: String, elements: Int, bytes: Int) {
    switch self {
    case .bool: ("bool", 1, 1)
    case .uint8: ("u8", 1, 1)
    case .int8: ("i8", 1, 1)
    case .uint16: ("u16", 1, 2)
    case .int16: ("i16", 1, 2)
    case .uint32: ("u32", 1, 4)
    case .int32: ("i32", 1, 4)
    case .uint64: ("u64", 1, 8)
    case .int64: ("i64", 1, 8)
    case .float16: ("f16", 1, 2)
    case .bfloat16: ("bf16", 1, 2)
    case .float32: ("f32", 1, 4)
    case .float64: ("f64", 1, 8)
    case .float8E4M3FN: ("f8_e4m3fn", 1, 1)
    case .float8E5M2: ("f8_e5m2", 1, 1)
    case .float8E4M3FNUZ: ("f8_e4m3fnuz", 1, 1)
    case .float8E5M2FNUZ: ("f8_e5m2fnuz", 1, 1)
    case .float8E8M0FNU: ("f8_e8m0fnu", 1, 1)
    case .float6E2M3: ("f6_e2m3", 4, 3)
    case .float6E3M2: ("f6_e3m2", 4, 3)
    case .float4E2M1: ("f4_e2m1", 2, 1)
    case .complex64: ("c64", 1, 8)
    case .complex128: ("c128", 1, 16)
    case .q40: ("q4_0", 32, 18)
    case .q41: ("q4_1", 32, 20)
    case .q50: ("q5_0", 32, 22)
    case .q51: ("q5_1", 32, 24)
    case .q80: ("q8_0", 32, 34)
    case .q81: ("q8_1", 32, 36)
    case .q2K: ("q2_k", 256, 84)
    case .q3K: ("q3_k", 256, 110)
    case .q4K: ("q4_k", 256, 144)
    case .q5K: ("q5_k", 256, 176)
    case .q6K: ("q6_k", 256, 210)
    case .q8K: ("q8_k", 256, 292)
    }
  }
}

extension ElementType: CustomStringConvertible {
  /// The short name, as `name`.
  public var description: String { name }
}
