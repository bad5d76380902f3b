internal import KeyLayouts

/// Byte-level byte pair encoding (Sennrich et al., 2016; the byte alphabet is GPT-2's) in which the
/// last letter of a word carries `</w>`.
struct BytePairEncoding: Sendable {
  private struct Pair: Hashable {
    let left: Int
    let right: Int
  }
  private struct Merge {
    let rank: Int
    let result: Int
  }

  private let ids: [String: Int]
  private let words: [Int: String]
  private let merges: [Pair: Merge]
  /// The ids of the 256 bytes inside a word, and at its end.
  private let inner: [Int]
  private let final: [Int]

  private static let endOfWord = "</w>"

  /// Puts an encoding together.
  ///
  /// - Parameters:
  ///   - merges: pairs of words with the line or place they stand at, the best first.
  ///   - files: the names of the files that the two came from, for messages.
  init(
    vocabulary: [String: Int], merges: [VocabularyFiles.Pair],
    files: (vocabulary: String, merges: String)
  ) throws(TokenizerError) {
    ids = vocabulary
    words = Dictionary(vocabulary.map { ($1, $0) }) { first, _ in first }
    var places: [Pair: Merge] = [:]
    for (rank, pair) in merges.enumerated() {
      let key = Pair(
        left: try Self.id(of: pair.left, in: vocabulary, file: files.merges),
        right: try Self.id(of: pair.right, in: vocabulary, file: files.merges))
      // A pair that stands twice has its last place, as in the reference.
      places[key] = Merge(
        rank: rank,
        result: try Self.id(of: pair.left + pair.right, in: vocabulary, file: files.merges))
    }
    self.merges = places
    func letters(_ suffix: String) throws(TokenizerError) -> [Int] {
      var letters: [Int] = []
      for byte in UInt8.min...UInt8.max {
        let letter = String(ByteAlphabet.letter(of: byte)) + suffix
        letters.append(try Self.id(of: letter, in: vocabulary, file: files.vocabulary))
      }
      return letters
    }
    inner = try letters("")
    final = try letters(Self.endOfWord)
  }

  /// The id of a word of the vocabulary.
  func id(of word: String, file: String) throws(TokenizerError) -> Int {
    try Self.id(of: word, in: ids, file: file)
  }

  /// The ids of one word: its bytes, in which the pair of the lowest rank is merged until none is
  /// left.
  func encode(_ word: String) -> [Int] {
    var symbols = word.utf8.map { inner[Int($0)] }
    guard let last = word.utf8.last else { return [] }
    symbols[symbols.count - 1] = final[Int(last)]
    while true {
      var best: Merge?
      var place = 0
      for index in symbols.indices.dropLast() {
        let merge = merges[Pair(left: symbols[index], right: symbols[index + 1])]
        if let merge, merge.rank < best?.rank ?? .max { (best, place) = (merge, index) }
      }
      guard let best else { return symbols }
      symbols[place] = best.result
      symbols.remove(at: place + 1)
    }
  }

  /// The text that ids stand for, a space behind every word.
  func text(of ids: some Sequence<Int>) -> String {
    var bytes: [UInt8] = []
    for word in ids.compactMap({ words[$0] }) {
      let ends = word.hasSuffix(Self.endOfWord)
      let letters = ends ? word.dropLast(Self.endOfWord.count) : word[...]
      bytes += letters.unicodeScalars.compactMap(ByteAlphabet.byte(of:))
      if ends { bytes.append(0x20) }
    }
    while bytes.last == 0x20 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func id(
    of word: String, in ids: [String: Int], file: String
  ) throws(TokenizerError) -> Int {
    guard let id = ids[word] else {
      throw TokenizerError(file: file, problem: "'\(word)' is not in the vocabulary")
    }
    return id
  }
}
