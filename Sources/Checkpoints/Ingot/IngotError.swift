public import TensorCore

/// An ingot that is damaged or breaks the format's rules, or a tensor that an ingot cannot hold.
public struct IngotError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// Shorter than a header.
    case tooShort(count: Int)
    /// The file starts with other bytes.
    case magic
    /// A version that this reader does not know.
    case version(UInt32)
    /// The header's hash is not that of its bytes.
    case headerHash(expected: UInt64, found: UInt64)
    /// A bit that version 1 wants to be zero, at a byte of the header.
    case reserved(offset: Int)
    /// The file has not the length that its header gives.
    case fileLength(expected: UInt64, found: Int)
    /// A section does not lie where it may.
    case section(IngotSection, offset: UInt64, length: UInt64, problem: String)
    /// A section's hash is not that of its bytes.
    case sectionHash(IngotSection, expected: UInt64, found: UInt64)
    /// A section's text is not the JSON it should be; the offset counts from the section's start.
    case json(IngotSection, JSONError)
    /// The record at a place of the index is wrong.
    case record(Int, problem: String)
    /// A tensor's record is wrong.
    case tensor(String, problem: String)
    /// The attachments are wrong.
    case attachments(problem: String)
    /// There is no attachment of that path.
    case missingAttachment(String)
    /// The bytes of an attachment are not those that were written.
    case attachmentDigest(String, expected: Digest128, found: Digest128)
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
    case .tooShort(let count):
      "the file has \(count) bytes, expected at least the \(IngotLayout.headerBytes) of an ingot's "
        + "header"
    case .magic: "not an ingot: the file does not start with its signature"
    case .version(let version):
      "an ingot of version \(version); this assay reads version \(IngotLayout.version)"
        + (version > IngotLayout.version ? ": a newer assay reads it" : "")
    case .headerHash(let expected, let found):
      "the header is damaged: its hash is \(Self.hex(found)), expected \(Self.hex(expected))"
    case .reserved(let offset):
      "header byte \(offset) is not zero, as version \(IngotLayout.version) wants it: written by "
        + "a newer assay?"
    case .fileLength(let expected, let found):
      "the file has \(found) bytes, expected \(expected): "
        + (UInt64(found) < expected ? "truncated?" : "something was appended?")
    case .section(let section, let offset, let length, let problem):
      "the \(section) section of \(length) bytes at offset \(offset) \(problem)"
    case .sectionHash(let section, let expected, let found):
      "the \(section) section is damaged: its hash is \(Self.hex(found)), expected "
        + Self.hex(expected)
    case .json(let section, let error): "the \(section) section: \(error)"
    case .record(let index, let problem): "record \(index) of the index: \(problem)"
    case .tensor(let name, let problem): "tensor '\(name)': \(problem)"
    case .attachments(let problem): "the attachments: \(problem)"
    case .missingAttachment(let name): "there is no attachment '\(name)'"
    case .attachmentDigest(let name, let expected, let found):
      "attachment '\(name)' is damaged: its digest is \(found), expected \(expected)"
    }
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
