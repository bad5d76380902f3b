public import TensorCore

/// A safetensors file that breaks the format's rules.
public struct SafetensorsError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// Fewer than the eight bytes of the header's length.
    case tooShort(count: Int)
    /// The header is longer than the format allows.
    case headerTooLarge(length: UInt64)
    /// The header reaches past the end of the file.
    case headerTruncated(length: Int, available: Int)
    /// The header is not JSON; offsets count from the start of the file.
    case json(JSONError)
    /// The header is JSON but no object.
    case notObject
    /// `__metadata__` is no object of strings.
    case metadata(key: String?)
    /// An entry has not the members `dtype`, `shape` and `data_offsets`, or others, or of another
    /// kind.
    case entry(tensor: String, problem: String)
    /// The element type is unknown.
    case elementType(tensor: String, code: String)
    /// The offsets are not where the previous tensor ends.
    case gap(tensor: String, expected: Int, found: Int)
    /// The offsets lie outside the data.
    case outside(tensor: String, end: Int, available: Int)
    /// The length of the bytes is not what element type and shape give.
    case length(tensor: String, type: ElementType, shape: [Int], expected: Int?, found: Int)
    /// The data goes on after the last tensor, or stops before.
    case trailingBytes(count: Int)
  }

  /// The file's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// The line shown to people.
  public var description: String { "\(path): \(text)" }

  private var text: String {
    switch problem {
    case .tooShort(let count):
      "the file has \(count) bytes, expected at least the 8 of the header's length"
    case .headerTooLarge(let length):
      "the header claims \(length) bytes, safetensors allows \(SafetensorsReader.headerLimit)"
    case .headerTruncated(let length, let available):
      "the header claims \(length) bytes, the file has \(available) after the length: truncated?"
    case .json(let error):
      "the header is invalid JSON at byte \(error.offset): \(error.problem)"
    case .notObject: "the header is not a JSON object"
    case .metadata(nil): "'__metadata__' is not an object"
    case .metadata(let key?): "'__metadata__' has a value that is not a string: '\(key)'"
    case .entry(let tensor, let problem): "tensor '\(tensor)': \(problem)"
    case .elementType(let tensor, let code):
      "tensor '\(tensor)' has the unknown dtype '\(code)'"
    case .gap(let tensor, let expected, let found):
      "tensor '\(tensor)' starts at data byte \(found), expected \(expected): "
        + (found < expected ? "tensors overlap" : "a hole between tensors")
    case .outside(let tensor, let end, let available):
      "tensor '\(tensor)' ends at data byte \(end), the file holds \(available): truncated?"
    case .length(let tensor, let type, let shape, nil, _):
      "tensor '\(tensor)': \(type) \(Self.text(shape)) is not a possible size"
    case .length(let tensor, let type, let shape, let expected?, let found):
      "tensor '\(tensor)' has \(found) bytes, expected \(expected) for \(type) \(Self.text(shape))"
    case .trailingBytes(let count):
      "\(count) byte\(count == 1 ? "" : "s") after the last tensor that no tensor claims"
    }
  }

  private static func text(_ shape: [Int]) -> String {
    "[" + shape.map(String.init).joined(separator: ", ") + "]"
  }
}
