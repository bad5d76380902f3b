internal import Foundation
public import KeyLayouts

/// CLIP's tokenizer, id for id as transformers' `CLIPTokenizer`: NFC, white space collapsed, lower
/// case, split into words, then byte-level byte pair encoding.
public struct CLIPTokenizer: Sendable {
  /// A prompt as token ids.
  public struct Encoding: Sendable, Hashable {
    /// The ids, `maximumLength` of them: start, text, end, padding.
    public let ids: [Int]
    /// The end of the prompt that did not fit, in the words of the tokens, or `nil`.
    public let dropped: String?
  }

  /// The length that every prompt is padded or cut to.
  public let maximumLength: Int
  /// The id before the text.
  public let startToken: Int
  /// The id behind the text.
  public let endToken: Int
  /// The id that fills the rest: the end token in SD 1.x, `!` (0) in SD 2.x.
  public let paddingToken: Int

  private let pairs: BytePairEncoding
  /// Special tokens that are found in the prompt as it is, and those found in normalized text.
  private let literalTokens, normalizedTokens: [SpecialToken]

  private struct SpecialToken: Sendable {
    let text: [Unicode.Scalar]
    let id: Int
  }

  static let startText = "<|startoftext|>"
  static let endText = "<|endoftext|>"

  /// Reads the files that a model carries: `vocab.json` and `merges.txt`, or `tokenizer.json`; and,
  /// where it is there, `tokenizer_config.json`.
  ///
  /// - Throws: `TokenizerError`.
  public init(
    attachments: [String: [UInt8]], folder: String = "tokenizer"
  ) throws(TokenizerError) {
    let files = try VocabularyFiles(attachments: attachments, folder: folder)
    pairs = try BytePairEncoding(
      vocabulary: files.vocabulary, merges: files.merges, files: files.names)
    let file = "\(folder)/tokenizer_config.json"
    let configuration = try TokenizerConfiguration(attachments[file], file: file)
    startToken = try pairs.id(of: configuration.startText, file: file)
    endToken = try pairs.id(of: configuration.endText, file: file)
    paddingToken = try pairs.id(of: configuration.paddingText, file: file)
    maximumLength = configuration.maximumLength
    var (literal, normalized): ([SpecialToken], [SpecialToken]) = ([], [])
    for special in files.specialTokens ?? configuration.specialTokens {
      let token = SpecialToken(
        text: Array(special.text.unicodeScalars), id: try pairs.id(of: special.text, file: file))
      if special.isNormalized { normalized.append(token) } else { literal.append(token) }
    }
    (literalTokens, normalizedTokens) = (literal, normalized)
  }

  /// Reads the files of a model.
  ///
  /// - Throws: `TokenizerError` that names the model.
  public init(of model: CanonicalModel) throws(TokenizerError) {
    do {
      try self.init(attachments: model.attachments)
    } catch {
      throw TokenizerError(file: error.file, problem: error.problem, origin: model.origin)
    }
  }

  /// The ids of a prompt between start and end token, padded or cut to `maximumLength`.
  public func encode(_ prompt: String) -> Encoding {
    let tokens = tokens(of: prompt)
    let room = maximumLength - 2
    var ids = [startToken] + tokens.prefix(room) + [endToken]
    ids += [Int](repeating: paddingToken, count: maximumLength - ids.count)
    let dropped = tokens.count > room ? pairs.text(of: tokens[room...]) : nil
    return Encoding(ids: ids, dropped: dropped)
  }

  private func tokens(of prompt: String) -> [Int] {
    split(Array(prompt.unicodeScalars)[...], at: literalTokens) { part in
      let text = Self.normalize(String(String.UnicodeScalarView(part)))
      return split(text[...], at: normalizedTokens) { part in
        WordSplitter.words(in: Array(part)).flatMap(pairs.encode)
      }
    }
  }

  /// Cuts special tokens out of a text and encodes what lies between.
  private func split(
    _ text: ArraySlice<Unicode.Scalar>, at special: [SpecialToken],
    encode: (ArraySlice<Unicode.Scalar>) -> [Int]
  ) -> [Int] {
    let starts = Set(special.compactMap(\.text.first))
    var ids: [Int] = []
    var start = text.startIndex
    var place = start
    while place < text.endIndex {
      guard starts.contains(text[place]),
        let token = special.first(where: { text[place...].starts(with: $0.text) })
      else {
        place += 1
        continue
      }
      ids += encode(text[start..<place]) + [token.id]
      place += token.text.count
      start = place
    }
    return ids + encode(text[start...])
  }

  /// NFC, then every run of white space one space, then lower case scalar by scalar.
  private static func normalize(_ text: String) -> [Unicode.Scalar] {
    var scalars: [Unicode.Scalar] = []
    for scalar in text.precomposedStringWithCanonicalMapping.unicodeScalars {
      if scalar.properties.isWhitespace {
        if scalars.last != " " { scalars.append(" ") }
      } else {
        scalars += scalar.properties.lowercaseMapping.unicodeScalars
      }
    }
    return scalars
  }
}
