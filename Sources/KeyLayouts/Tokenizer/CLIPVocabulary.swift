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
  ///
  /// - Parameters:
  ///   - folder: the tokenizer's own folder, `tokenizer` or `tokenizer_2`.
  ///   - padding: what fills a prompt up to its length: OpenAI's encoders were trained with the end
  ///     mark, OpenCLIP's with `!`, the entry 0.
  public static func files(
    folder: String = "tokenizer", padding: String = endMark
  ) -> [String: [UInt8]] {
    let merges = merges
    return [
      "\(folder)/merges.txt": merges,
      "\(folder)/vocab.json": vocabulary(merges: String(decoding: merges, as: UTF8.self)),
      "\(folder)/special_tokens_map.json": text(specialTokens(padding)),
      "\(folder)/tokenizer_config.json": text(configuration(padding)),
    ]
  }

  /// The mark behind a prompt.
  public static let endMark = "<|endoftext|>"

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

  private static func specialTokens(_ padding: String) -> JSONObject {
    JSONObject(marks.map { ($0, .object($1)) } + [("pad_token", .string(padding))])
  }

  private static func configuration(_ padding: String) -> JSONObject {
    let typed = marks.map { name, mark in
      let members = mark.members.map { ($0.key, $0.value) }
      return (name, JSON.object(JSONObject([("__type", "AddedToken")] + members)))
    }
    return JSONObject(
      [("add_prefix_space", false)] + typed + [
        ("do_lower_case", true), ("errors", "replace"), ("model_max_length", 77),
        ("pad_token", .string(padding)), ("tokenizer_class", "CLIPTokenizer"),
      ])
  }

  private static func text(_ object: JSONObject) -> [UInt8] {
    Array((JSON.object(object).text(indent: 2) + "\n").utf8)
  }
}
