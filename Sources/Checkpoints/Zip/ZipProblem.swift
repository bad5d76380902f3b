/// A zip archive that contradicts itself, its file or this reader's rules.
///
/// Scanners and loaders that disagree about an archive are how hidden pickles travel, so whatever
/// could be read in two ways is an error here.
public enum ZipProblem: Error, Sendable, Hashable {
  /// No end record: a file that was cut off, or no zip.
  case noEnd
  /// A record that should be at `offset` is not there, or reaches out of the file.
  case record(String, offset: Int)
  /// The archive spans several disks.
  case disks
  /// The directory does not fill the space between the members and the end record.
  case directoryExtent(end: Int, expected: Int)
  /// The directory holds another number of members than the end record says.
  case memberCount(expected: Int, found: Int)
  /// A size or offset that cannot be one.
  case size(member: String)
  /// The member is encrypted.
  case encrypted(member: String)
  /// The compression method is neither stored nor deflate.
  case method(member: String, method: Int)
  /// Directory and local header disagree.
  case disagreement(member: String, field: String, directory: String, local: String)
  /// Two members have one name.
  case duplicate(member: String)
  /// A member starts before the one in front of it ends.
  case overlap(first: String, second: String)
  /// A member reaches past the directory or the end of the file.
  case outside(member: String, end: Int, limit: Int)
  /// A stored member whose two sizes differ, or a deflated one that claims an impossible size.
  case implausibleSize(member: String, stored: Int, claimed: Int)
  /// The deflated members claim to be far longer than a small archive of weights can be.
  case expansion(member: String, claimed: Int, limit: Int)
  /// The checksum does not fit the bytes.
  case checksum(member: String, expected: UInt32, found: UInt32)
  /// The deflate stream is broken, or its length is not the one claimed.
  case deflate(member: String, claimed: Int)

  var text: String {
    switch self {
    case .noEnd: "the zip has no end record: truncated?"
    case .record(let kind, let offset): "the zip has no \(kind) at byte \(offset)"
    case .disks: "the zip spans several disks"
    case .directoryExtent(let end, let expected):
      "the zip directory ends at byte \(end), expected \(expected)"
    case .memberCount(let expected, let found):
      "the zip directory has \(found) members, expected \(expected)"
    case .size(let member): "member '\(member)' has an impossible size or offset"
    case .encrypted(let member): "member '\(member)' is encrypted"
    case .method(let member, let method):
      "member '\(member)' has compression method \(method), expected 0 (stored) or 8 (deflate)"
    case .disagreement(let member, let field, let directory, let local):
      "member '\(member)' has the \(field) \(directory) in the directory but \(local) in its header"
    case .duplicate(let member): "two members are named '\(member)'"
    case .overlap(let first, let second): "members '\(first)' and '\(second)' overlap"
    case .outside(let member, let end, let limit):
      "member '\(member)' ends at byte \(end), expected at most \(limit)"
    case .implausibleSize(let member, let stored, let claimed):
      "member '\(member)' has \(stored) bytes in the file and claims to be \(claimed) bytes long"
    case .expansion(let member, let claimed, let limit):
      "the deflated members up to '\(member)' claim \(claimed) bytes, expected at most \(limit) "
        + "in an archive of this size"
    case .checksum(let member, let expected, let found):
      "member '\(member)' has the checksum \(Self.hex(found)), expected \(Self.hex(expected)): "
        + "damaged?"
    case .deflate(let member, let claimed):
      "member '\(member)' does not inflate to its \(claimed) bytes: damaged?"
    }
  }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
