public import Foundation
internal import TensorCore

/// CLIP's tokenizer files as a model carries them.
public enum TokenizerFixture {
  /// `Fixtures/tokenizer`.
  public static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/tokenizer")

  /// The list of merges, and the vocabulary that follows from it: the 256 bytes, the same at the
  /// end of a word, every merge in order, the two special tokens.
  ///
  /// - Parameter count: how many of the merges to keep; all by default.
  public static func attachments(merges count: Int = .max) throws -> [String: [UInt8]] {
    let text = String(
      decoding: try Data(
        contentsOf: folder.appending(path: "../../Sources/CVocabulary/clip-merges.txt")),
      as: UTF8.self)
    let merges = text.split(separator: "\n").dropFirst().prefix(count)
    let shown = Array(33...126) + Array(161...172) + Array(174...255)
    let hidden = (0..<256 - shown.count).map { 256 + $0 }
    let letters = (shown + hidden).compactMap(Unicode.Scalar.init).map { String($0) }
    var words = letters + letters.map { $0 + "</w>" }
    words += merges.map { $0.split(separator: " ").joined() }
    words += ["<|startoftext|>", "<|endoftext|>"]
    let vocabulary = JSON.object(JSONObject(words.enumerated().map { ($1, .integer($0)) }))
    let lines = ["#version: 0.2"] + merges.map { String($0) }
    return [
      "tokenizer/vocab.json": Array(vocabulary.text().utf8),
      "tokenizer/merges.txt": Array((lines.joined(separator: "\n") + "\n").utf8),
    ]
  }
}
