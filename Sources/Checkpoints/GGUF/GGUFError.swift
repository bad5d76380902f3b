public import TensorCore

/// A GGUF file that breaks the format's rules, or a tensor in it that assay cannot read.
public struct GGUFError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// The file ends inside something that its directory needs.
    case truncated(reading: String, offset: Int, needed: UInt64, available: Int)
    /// A version that this reader does not know.
    case version(UInt32)
    /// More entries are claimed than the rest of the file has room for.
    case count(of: String, claimed: UInt64, room: Int)
    /// Keys, values and tensor entries take more bytes than a reader should have to hold.
    case directoryTooLarge(limit: Int)
    /// The metadata have more values than a reader should have to hold.
    case tooManyValues(limit: Int)
    /// The name or key that starts at the offset is not UTF-8.
    case encoding(of: String, offset: Int)
    /// Two entries have one key.
    case duplicateKey(String)
    /// Two tensors have one name.
    case duplicateName(String)
    /// The value of a key is wrong.
    case value(key: String, problem: String)
    /// Bytes behind the last tensor that are more than padding.
    case trailing(count: Int, alignment: Int)
    /// A tensor's entry is wrong.
    case tensor(String, problem: String)
    /// Two tensors claim the same bytes.
    case overlap(first: String, second: String)
  }

  /// The file's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// Describes a problem of the file at `path`.
  public init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String { "\(path): \(text)" }

  private var text: String {
    switch problem {
    case .truncated(let reading, let offset, let needed, let available):
      "\(reading) at byte \(offset) takes \(needed) byte\(needed == 1 ? "" : "s"), the file has "
        + "\(available) left: truncated?"
    case .version(let version):
      "GGUF version \(version), expected 2 or 3"
        + (version == 1 ? ": convert it with an old llama.cpp first" : "")
    case .count(let things, let claimed, let room):
      "the file claims \(claimed) \(things), it has room for at most \(room): truncated?"
    case .directoryTooLarge(let limit): "the directory takes more than \(limit) bytes"
    case .tooManyValues(let limit): "the metadata have more than \(limit) values"
    case .encoding(let what, let offset): "\(what) at byte \(offset) is not valid UTF-8"
    case .duplicateKey(let key): "key '\(key)' stands twice"
    case .duplicateName(let name): "two tensors are named '\(name)'"
    case .value(let key, let problem): "key '\(key)' \(problem)"
    case .tensor(let name, let problem): "tensor '\(name)' \(problem)"
    case .trailing(let count, let alignment):
      "\(count) bytes behind the last tensor, expected less than \(alignment)"
    case .overlap(let first, let second):
      "tensor '\(second)' starts before tensor '\(first)' ends: tensors overlap"
    }
  }
}
