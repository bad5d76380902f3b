public import TensorCore

/// The checked header of a `.npy` file (numpy, `numpy/lib/format.py`): magic, version, and the
/// text of a Python dictionary with `descr`, `fortran_order` and `shape`.
struct ArrayHeader: Sendable {
  /// What the array holds.
  let type: ArrayType
  let shape: TensorShape
  /// Whether the first index runs fastest.
  let isFortranOrder: Bool
  /// Where the elements start.
  let dataOffset: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// The longest text that is read; numpy's own limit.
  static let textLimit = 10_000
  /// Bytes that hold any whole header.
  static let byteLimit = 12 + textLimit

  /// Whether a file starts as `.npy` files do.
  static func recognises(_ bytes: ByteStorage) -> Bool {
    bytes.count >= magic.count && bytes.array(in: 0..<magic.count) == magic
  }

  /// Reads the header at the start of a file or member.
  ///
  /// - Parameters:
  ///   - start: the first `byteLimit` bytes, or all when there are fewer.
  ///   - count: the bytes of the whole file or member.
  init(_ start: [UInt8], count: Int) throws(ArrayProblem) {
    guard start.starts(with: Self.magic) else { throw .notArray }
    guard start.count >= 10 else { throw .truncated(expected: 10, found: count) }
    let (major, minor) = (start[6], start[7])
    guard (1...3).contains(major), minor == 0 else { throw .version(major: major, minor: minor) }
    let textStart = major == 1 ? 10 : 12
    guard start.count >= textStart else { throw .truncated(expected: textStart, found: count) }
    let length = start[8..<textStart].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.textLimit else { throw .textTooLong(bytes: length) }
    dataOffset = textStart + length
    guard dataOffset <= start.count else { throw .truncated(expected: dataOffset, found: count) }
    let literal: HeaderLiteral
    do throws(HeaderLiteral.Problem) {
      literal = try HeaderLiteral(parsing: Array(start[textStart..<dataOffset]))
    } catch {
      throw .text(error.text, offset: textStart + error.offset)
    }
    guard case .dictionary(let members) = literal else { throw .members("no dictionary") }
    func value(_ key: String) -> HeaderLiteral? { members.first { $0.key == key }?.value }

    let known = ["descr", "fortran_order", "shape"]
    if let missing = known.first(where: { value($0) == nil }) {
      throw .members("'\(missing)' is missing")
    }
    if let unknown = members.first(where: { !known.contains($0.key) }) {
      throw .members("unknown key '\(unknown.key)'")
    }
    guard case .bool(let isFortranOrder)? = value("fortran_order") else {
      throw .members("'fortran_order' is neither True nor False")
    }
    self.isFortranOrder = isFortranOrder
    guard case .tuple(let elements)? = value("shape") else {
      throw .members("'shape' is no tuple")
    }
    let extents = elements.compactMap { element in
      if case .integer(let extent) = element, extent >= 0 { extent } else { nil }
    }
    guard extents.count == elements.count else {
      throw .members("'shape' is no tuple of whole numbers from 0 up")
    }
    switch value("descr") {
    case .string(let description)?: type = ArrayType(description)
    case .list?: type = .refused("is structured (fields with names), which no tensor is")
    case .tuple?: type = .refused("has elements that are arrays, which no tensor has")
    default: throw .members("'descr' is no type")
    }
    guard let shape = TensorShape(checking: extents) else { throw .shape(extents) }
    self.shape = shape
    try checkLength(count)
  }

  /// The elements fill the file exactly.
  private func checkLength(_ count: Int) throws(ArrayProblem) {
    guard case .numbers(let type, _) = type else { return }
    guard let expected = type.byteCount(for: shape) else { throw .shape(shape.dimensions) }
    guard expected == count - dataOffset else {
      throw .length(type: type, shape: shape, expected: expected, found: count - dataOffset)
    }
  }
}

/// Why an array cannot be read.
public enum ArrayProblem: Error, Sendable, Hashable {
  /// The bytes do not start as a `.npy` file.
  case notArray
  /// A version of the format that nobody has defined.
  case version(major: UInt8, minor: UInt8)
  /// The header reaches past the end.
  case truncated(expected: Int, found: Int)
  /// The header's text is longer than this reader takes.
  case textTooLong(bytes: Int)
  /// The header is no Python literal.
  case text(String, offset: Int)
  /// The header's dictionary is not the one expected.
  case members(String)
  /// An array of something that is no tensor.
  case type(String)
  /// Extents that no array can have.
  case shape([Int])
  /// The elements do not fill the file exactly.
  case length(type: ElementType, shape: TensorShape, expected: Int, found: Int)

  var text: String {
    switch self {
    case .notArray: "does not start as a NumPy array"
    case .version(let major, let minor):
      "has version \(major).\(minor) of the npy format, expected 1.0, 2.0 or 3.0"
    case .truncated(let expected, let found):
      "the header ends at byte \(expected), found \(found) bytes: truncated?"
    case .textTooLong(let bytes):
      "the header's text has \(bytes) bytes, expected at most \(ArrayHeader.textLimit)"
    case .text(let problem, let offset): "the header at byte \(offset): \(problem)"
    case .members(let problem): "the header: \(problem)"
    case .type(let problem): problem
    case .shape(let extents): "has the impossible shape \(extents)"
    case .length(let type, let shape, let expected, let found):
      "has \(found) bytes of elements, expected \(expected) for \(type) \(shape)"
        + (found < expected ? ": truncated?" : "")
    }
  }
}
