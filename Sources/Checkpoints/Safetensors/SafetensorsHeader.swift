internal import TensorCore

/// The checked header of a safetensors file.
struct SafetensorsHeader {
  /// One tensor and where its bytes lie in the file.
  struct Entry {
    let description: TensorDescription
    let range: Range<Int>
  }

  private(set) var entries: [Entry] = []
  private(set) var metadata = JSONObject()
  private let path: String

  init(storage: ByteStorage, path: String) throws(SafetensorsError) {
    self.path = path
    let length = storage.load(UInt64.self, at: 0)
    guard let length else { throw fail(.tooShort(count: storage.count)) }
    guard length <= UInt64(SafetensorsReader.headerLimit) else {
      throw fail(.headerTooLarge(length: length))
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= storage.count else {
      throw fail(.headerTruncated(length: Int(length), available: storage.count - 8))
    }
    let json: JSON
    do {
      json = try JSON(parsing: storage.array(in: 8..<dataStart))
    } catch {
      throw fail(.json(JSONError(offset: error.offset + 8, problem: error.problem)))
    }
    guard let members = json.objectValue?.members else { throw fail(.notObject) }
    for member in members {
      if member.key == "__metadata__" {
        metadata = try strings(member.value)
      } else {
        entries.append(try entry(named: member.key, member.value))
      }
    }
    try placeEntries(dataStart: dataStart, available: storage.count - dataStart)
  }

  private func fail(_ problem: SafetensorsError.Problem) -> SafetensorsError {
    SafetensorsError(path: path, problem: problem)
  }

  /// The members of `__metadata__`; upstream takes `null` for none.
  private func strings(_ value: JSON) throws(SafetensorsError) -> JSONObject {
    if value == .null { return JSONObject() }
    guard let object = value.objectValue else { throw fail(.metadata(key: nil)) }
    for member in object.members where member.value.stringValue == nil {
      throw fail(.metadata(key: member.key))
    }
    return object
  }

  /// Checks one entry by itself. The range counts from the start of the data.
  private func entry(named name: String, _ value: JSON) throws(SafetensorsError) -> Entry {
    guard let object = value.objectValue else {
      throw fail(.entry(tensor: name, problem: "the entry is not an object"))
    }
    let expected = ["dtype", "shape", "data_offsets"]
    for key in expected where object[key] == nil {
      throw fail(.entry(tensor: name, problem: "'\(key)' is missing"))
    }
    for key in object.keys where !expected.contains(key) {
      throw fail(.entry(tensor: name, problem: "unknown member '\(key)'"))
    }
    guard let code = object["dtype"]?.stringValue else {
      throw fail(.entry(tensor: name, problem: "'dtype' is not a string"))
    }
    guard let type = ElementType(safetensorsCode: code) else {
      throw fail(.elementType(tensor: name, code: code))
    }
    guard let extents = Self.wholeNumbers(object["shape"]) else {
      throw fail(.entry(tensor: name, problem: "'shape' is not a list of whole numbers from 0 up"))
    }
    guard let offsets = Self.wholeNumbers(object["data_offsets"]), offsets.count == 2,
      offsets[0] <= offsets[1]
    else {
      throw fail(
        .entry(tensor: name, problem: "'data_offsets' is not a pair of rising whole numbers"))
    }
    let found = offsets[1] - offsets[0]
    guard let shape = TensorShape(checking: extents), let count = type.byteCount(for: shape) else {
      throw fail(
        .length(tensor: name, type: type, shape: extents, expected: nil, found: found))
    }
    guard count == found else {
      throw fail(
        .length(tensor: name, type: type, shape: extents, expected: count, found: found))
    }
    return Entry(
      description: TensorDescription(name: name, elementType: type, shape: shape),
      range: offsets[0]..<offsets[1])
  }

  private static func wholeNumbers(_ value: JSON?) -> [Int]? {
    guard let elements = value?.arrayValue else { return nil }
    var numbers: [Int] = []
    for element in elements {
      guard case .integer(let number) = element, number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// Checks that the entries cover the data exactly, and moves their ranges to where the data is.
  private mutating func placeEntries(
    dataStart: Int, available: Int
  ) throws(SafetensorsError) {
    let order = entries.indices.sorted {
      let (left, right) = (entries[$0].range, entries[$1].range)
      return (left.lowerBound, left.upperBound, $0) < (right.lowerBound, right.upperBound, $1)
    }
    var end = 0
    var placed: [Entry] = []
    placed.reserveCapacity(entries.count)
    for index in order {
      let entry = entries[index]
      let name = entry.description.name
      guard entry.range.lowerBound == end else {
        throw fail(.gap(tensor: name, expected: end, found: entry.range.lowerBound))
      }
      end = entry.range.upperBound
      guard end <= available else {
        throw fail(.outside(tensor: name, end: end, available: available))
      }
      placed.append(
        Entry(
          description: entry.description,
          range: dataStart + entry.range.lowerBound..<dataStart + end))
    }
    guard end == available else { throw fail(.trailingBytes(count: available - end)) }
    entries = placed
  }
}

extension ElementType {
  private static let safetensorsCodes: [(ElementType, String)] = [
    (.bool, "BOOL"), (.uint8, "U8"), (.int8, "I8"), (.uint16, "U16"), (.int16, "I16"),
    (.uint32, "U32"), (.int32, "I32"), (.uint64, "U64"), (.int64, "I64"), (.float16, "F16"),
    (.bfloat16, "BF16"), (.float32, "F32"), (.float64, "F64"), (.float8E4M3FN, "F8_E4M3"),
    (.float8E5M2, "F8_E5M2"), (.float8E4M3FNUZ, "F8_E4M3FNUZ"), (.float8E5M2FNUZ, "F8_E5M2FNUZ"),
    (.float8E8M0FNU, "F8_E8M0"), (.float6E2M3, "F6_E2M3"), (.float6E3M2, "F6_E3M2"),
    (.float4E2M1, "F4"), (.complex64, "C64"),
  ]

  /// The type of a safetensors dtype string.
  init?(safetensorsCode code: String) {
    guard let match = Self.safetensorsCodes.first(where: { $0.1 == code }) else { return nil }
    self = match.0
  }

  /// The safetensors dtype string, or `nil` when the format has none.
  var safetensorsCode: String? { Self.safetensorsCodes.first { $0.0 == self }?.1 }
}
