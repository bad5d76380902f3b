/// Splits normalized text into the words that are encoded one by one.
///
/// The pattern is CLIP's:
/// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`,
/// and what matches is split again by GPT-2's, which only takes the special tokens apart.
enum WordSplitter {
  private enum Kind {
    case letter, number, space, other

    init(_ scalar: Unicode.Scalar) {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .number
      default: self = scalar.properties.isWhitespace ? .space : .other
      }
    }
  }

  private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
    .map { Array($0.unicodeScalars) }
  private static let special = [["<|", "startoftext", "|>"], ["<|", "endoftext", "|>"]]

  /// The words, in order; white space is left out.
  static func words(in text: [Unicode.Scalar]) -> [String] {
    let kinds = text.map(Kind.init)
    var words: [String] = []
    var place = 0
    while place < text.count {
      let rest = text[place...]
      if text[place] == "'", let word = contractions.first(where: { rest.starts(with: $0) }) {
        words.append(string(word[...]))
        place += word.count
        continue
      }
      if text[place] == "<",
        let parts = special.first(where: { rest.starts(with: $0.joined().unicodeScalars) })
      {
        words += parts
        place += parts.reduce(0) { $0 + $1.unicodeScalars.count }
        continue
      }
      var end = place + 1
      switch kinds[place] {
      case .space, .number: break
      case .letter, .other: while end < text.count, kinds[end] == kinds[place] { end += 1 }
      }
      if kinds[place] != .space { words.append(string(text[place..<end])) }
      place = end
    }
    return words
  }

  private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    String(String.UnicodeScalarView(scalars))
  }
}
