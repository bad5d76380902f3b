internal import TensorCore

/// A file carried along in an ingot, and where its bytes lie.
struct IngotAttachment {
  let path: String
  let mediaType: String
  let digest: Digest128
  /// Counted from the start of the attachments section.
  var range: Range<Int>

  private static let members = ["path", "offset", "length", "media_type", "digest"]

  var json: JSON {
    [
      "path": .string(path), "offset": .integer(range.lowerBound), "length": .integer(range.count),
      "media_type": .string(mediaType), "digest": .string(digest.description),
    ]
  }

  /// Reads a directory and checks it against the section's length.
  ///
  /// The attachments follow each other on multiples of 64 bytes, the last one ends the section.
  ///
  /// - Throws: what is wrong, as text.
  static func directory(
    _ json: JSON, end directoryEnd: Int, sectionLength: Int
  ) throws(Problem) -> [IngotAttachment] {
    guard let entries = json.arrayValue else { throw Problem("the directory is not a list") }
    var attachments: [IngotAttachment] = []
    var end = directoryEnd
    for (index, entry) in entries.enumerated() {
      guard let object = entry.objectValue, object.keys == members,
        let path = object["path"]?.stringValue, let mediaType = object["media_type"]?.stringValue,
        case .integer(let offset) = object["offset"], case .integer(let length) = object["length"],
        let digest = object["digest"]?.stringValue.flatMap(parseDigest)
      else {
        throw Problem("entry \(index) has not the members \(members.joined(separator: ", "))")
      }
      guard isSafe(path) else { throw Problem("'\(path)' is not a plain relative path") }
      if let last = attachments.last, !last.path.utf8.lexicographicallyPrecedes(path.utf8) {
        throw Problem("'\(path)' does not come after '\(last.path)'")
      }
      let start = IngotLayout.align(end)
      guard offset == start, length >= 0, start <= sectionLength, length <= sectionLength - start
      else {
        throw Problem(
          "'\(path)' has \(length) bytes at \(offset), expected them at \(start) of \(sectionLength)"
        )
      }
      end = start + length
      attachments.append(
        IngotAttachment(path: path, mediaType: mediaType, digest: digest, range: start..<end))
    }
    guard end == sectionLength else {
      throw Problem("the section has \(sectionLength) bytes, expected \(end)")
    }
    return attachments
  }

  /// What is wrong with a directory.
  struct Problem: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// Whether a path stays below the folder it is put into, on every system.
  static func isSafe(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
      && !path.unicodeScalars.contains { $0.value < 0x20 || $0 == "\\" || $0 == ":" }
  }

  private static func parseDigest(_ text: String) -> Digest128? {
    let digits = Array(text.utf8)
    guard digits.count == 32, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
    else { return nil }
    let digest = Digest128(high: high, low: low)
    return digest.description == text ? digest : nil
  }
}
