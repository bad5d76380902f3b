internal import TensorCore

/// The words and merges that a model carries, in either of the forms that transformers writes:
/// `vocab.json` and `merges.txt`, or since version 5 one `tokenizer.json`.
struct VocabularyFiles {
  /// Two words that become one.
  struct Pair {
    let left: String
    let right: String
  }

  let vocabulary: [String: Int]
  let merges: [Pair]
  let names: (vocabulary: String, merges: String)
  /// Special tokens and whether they are looked for in normalized text, where the file says so.
  private(set) var specialTokens: [(text: String, isNormalized: Bool)]?

  /// Reads the files of a folder of the model. The separate files win over `tokenizer.json`.
  init(attachments: [String: [UInt8]], folder: String) throws(TokenizerError) {
    let vocabularyName = "\(folder)/vocab.json"
    let wholeName = "\(folder)/tokenizer.json"
    if attachments[vocabularyName] == nil, let bytes = attachments[wholeName] {
      try self.init(whole: try Self.parse(bytes, file: wholeName), file: wholeName)
      return
    }
    let mergesName = "\(folder)/merges.txt"
    guard let words = attachments[vocabularyName] else { throw Self.missing(vocabularyName) }
    guard let pairs = attachments[mergesName] else { throw Self.missing(mergesName) }
    try self.init(words: words, pairs: pairs, names: (vocabularyName, mergesName))
  }

  private init(
    words: [UInt8], pairs: [UInt8], names: (vocabulary: String, merges: String)
  ) throws(TokenizerError) {
    self.names = names
    vocabulary = try Self.vocabulary(
      try Self.parse(words, file: names.vocabulary), file: names.vocabulary)
    merges = try Self.merges(lines: pairs, file: names.merges)
  }

  /// Reads a `tokenizer.json` of the tokenizers library.
  private init(whole: JSON, file: String) throws(TokenizerError) {
    guard let model = whole["model"], let list = model["merges"]?.arrayValue else {
      throw TokenizerError(file: file, problem: "no model with merges")
    }
    names = (file, file)
    vocabulary = try Self.vocabulary(model["vocab"] ?? .null, file: file)
    var merges: [Pair] = []
    for (place, entry) in list.enumerated() {
      // Older versions write a pair as one string.
      let parts =
        entry.arrayValue?.compactMap(\.stringValue)
        ?? entry.stringValue?.split(separator: " ").map { String($0) } ?? []
      guard parts.count == 2 else {
        throw TokenizerError(file: file, problem: "merge \(place) is not a pair: \(entry.text())")
      }
      merges.append(Pair(left: parts[0], right: parts[1]))
    }
    self.merges = merges
    specialTokens = whole["added_tokens"]?.arrayValue?.compactMap { entry in
      guard let text = entry["content"]?.stringValue, !text.isEmpty else { return nil }
      return (text: text, isNormalized: entry["normalized"]?.boolValue ?? false)
    }
  }

  private static func missing(_ file: String) -> TokenizerError {
    TokenizerError(file: file, problem: "the model does not carry it")
  }

  private static func parse(_ bytes: [UInt8], file: String) throws(TokenizerError) -> JSON {
    do { return try JSON(parsing: bytes) } catch {
      throw TokenizerError(file: file, problem: "\(error)")
    }
  }

  private static func vocabulary(
    _ json: JSON, file: String
  ) throws(TokenizerError) -> [String: Int] {
    guard let members = json.objectValue?.members else {
      throw TokenizerError(file: file, problem: "not an object of words and ids")
    }
    var ids: [String: Int] = [:]
    for member in members {
      guard let id = member.value.intValue, id >= 0 else {
        throw TokenizerError(
          file: file, problem: "the id of '\(member.key)' is \(member.value.text())")
      }
      ids[member.key] = id
    }
    return ids
  }

  private static func merges(lines bytes: [UInt8], file: String) throws(TokenizerError) -> [Pair] {
    var merges: [Pair] = []
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
      if text.isEmpty || text.hasPrefix("#version") { continue }
      let parts = text.split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw TokenizerError(file: file, problem: "line \(number + 1) is not a pair: '\(text)'")
      }
      merges.append(Pair(left: String(parts[0]), right: String(parts[1])))
    }
    return merges
  }
}
