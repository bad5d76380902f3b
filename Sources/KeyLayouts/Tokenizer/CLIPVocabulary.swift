internal import CVocabulary
internal import TensorCore

/// The files of CLIP's tokenizer, as they stand in a diffusers folder.
///
/// Only the merges are kept in the program; the vocabulary follows from them: 256 bytes, the same
/// 256 ending a word, 48,894 merges, and the two marks. Source: OpenAI's `simple_tokenizer.py`.
public enum CLIPVocabulary {
  /// The number of entries.
  public static let count = 49_408

  /// `merges.txt`, one merge a line below a header.
  public static var merges: [UInt8] {
    Array(UnsafeBufferPointer(start: assay_clip_merges(), count: assay_clip_merges_count()))
  }

  /// The tokenizer's files by their path in a diffusers folder.
  public static var files: [String: [UInt8]] {
    let merges = merges
    return [
      "tokenizer/merges.txt": merges,
      "tokenizer/vocab.json": vocabulary(merges: String(decoding: merges, as: UTF8.self)),
      "tokenizer/special_tokens_map.json": text(specialTokens),
      "tokenizer/tokenizer_config.json": text(configuration),
    ]
  }

  /// `vocab.json` for a list of merges below a header line.
  static func vocabulary(merges: String) -> [UInt8] {
    let letters = byteLetters.map(String.init)
    var words = letters + letters.map { $0 + "</w>" }
    for line in merges.split(separator: "\n").dropFirst() {
      words.append(line.filter { $0 != " " })
    }
    words += ["<|startoftext|>", "<|endoftext|>"]
    let members = words.enumerated().map { "\(JSON.string($1).text()): \($0)" }
    return Array("{\(members.joined(separator: ", "))}".utf8)
  }

  /// A letter for each byte, in the vocabulary's order: bytes that stand for themselves come first.
  private static var byteLetters: [Unicode.Scalar] {
    (UInt8.min...UInt8.max).map(ByteAlphabet.letter).sorted()
  }

  private static func mark(_ content: String) -> JSONObject {
    [
      "content": .string(content), "lstrip": false, "normalized": true, "rstrip": false,
      "single_word": false,
    ]
  }

  private static var marks: [(String, JSONObject)] {
    [
      ("bos_token", mark("<|startoftext|>")), ("eos_token", mark("<|endoftext|>")),
      ("unk_token", mark("<|endoftext|>")),
    ]
  }

  private static var specialTokens: JSONObject {
    JSONObject(marks.map { ($0, .object($1)) } + [("pad_token", "<|endoftext|>")])
  }

  private static var configuration: JSONObject {
    let typed = marks.map { name, mark in
      let members = mark.members.map { ($0.key, $0.value) }
      return (name, JSON.object(JSONObject([("__type", "AddedToken")] + members)))
    }
    return JSONObject(
      [("add_prefix_space", false)] + typed + [
        ("do_lower_case", true), ("errors", "replace"), ("model_max_length", 77),
        ("pad_token", "<|endoftext|>"), ("tokenizer_class", "CLIPTokenizer"),
      ])
  }

  private static func text(_ object: JSONObject) -> [UInt8] {
    Array((JSON.object(object).text(indent: 2) + "\n").utf8)
  }
}
