import DiffusionModels
import Foundation
import TensorCore
import TestSupport
import Testing

/// The tokenizer against transformers' on hundreds of strings.
@Suite struct TokenizerTests {
  struct Sample {
    let text: String
    let ids: [Int]
    let dropped: String?
  }

  private static func attachments(configuration: String? = nil) throws -> [String: [UInt8]] {
    var files = try TokenizerFixture.attachments()
    if let configuration { files["tokenizer/tokenizer_config.json"] = Array(configuration.utf8) }
    return files
  }

  private static func samples(_ key: String) throws -> [Sample] {
    let data = try Data(contentsOf: TokenizerFixture.folder.appending(path: "prompts.json"))
    let list = try #require(try JSON(parsing: Array(data))[key]?.arrayValue)
    return try list.map {
      Sample(
        text: try #require($0["text"]?.stringValue),
        ids: try #require($0["ids"]?.arrayValue).compactMap(\.intValue),
        dropped: $0["dropped"]?.stringValue)
    }
  }

  private static let start = #"{"content": "<|startoftext|>", "normalized": true}"#
  private static let end = #"{"content": "<|endoftext|>", "normalized": true}"#
  private static let described =
    #"{"bos_token": \#(start), "eos_token": \#(end), "unk_token": \#(end), "#
    + #""pad_token": "<|endoftext|>", "model_max_length": 77}"#
  private static let exclamation =
    #"{"bos_token": \#(start), "eos_token": \#(end), "unk_token": \#(end), "pad_token": "!"}"#

  @Test(arguments: [
    ("cases", described, 429), ("bare", nil, 13), ("exclamation", exclamation, 92),
  ])
  func idsAreTransformers(key: String, configuration: String?, count: Int) throws {
    let tokenizer = try CLIPTokenizer(
      attachments: try Self.attachments(configuration: configuration))
    let samples = try Self.samples(key)
    #expect(samples.count == count)
    for sample in samples {
      let encoding = tokenizer.encode(sample.text)
      let padded =
        sample.ids
        + [Int](
          repeating: tokenizer.paddingToken, count: 77 - sample.ids.count)
      #expect(encoding.ids == padded, "\(JSON.string(sample.text).text())")
      #expect(encoding.dropped == sample.dropped, "\(JSON.string(sample.text).text())")
    }
  }

  @Test func paddingIsTheConfigurations() throws {
    let tokenizer = try CLIPTokenizer(
      attachments: try Self.attachments(configuration: #"{"pad_token": "!"}"#))
    #expect(tokenizer.encode("a").ids == [49406, 320, 49407] + [Int](repeating: 0, count: 74))
  }

  /// What transformers 5 saves: one file, which also says where special tokens are looked for.
  @Test func singleFileGivesTheSameIds() throws {
    let files = try TokenizerFixture.attachments()
    let merges = String(decoding: try #require(files["tokenizer/merges.txt"]), as: UTF8.self)
      .split(separator: "\n").dropFirst()
      .map { JSON.array($0.split(separator: " ").map { .string(String($0)) }) }
    let whole: JSON = [
      "added_tokens": [
        ["content": "<|startoftext|>", "normalized": true],
        ["content": "<|endoftext|>", "normalized": false],
      ],
      "model": [
        "vocab": try JSON(parsing: try #require(files["tokenizer/vocab.json"])),
        "merges": .array(merges),
      ],
    ]
    let tokenizer = try CLIPTokenizer(
      attachments: ["tokenizer/tokenizer.json": Array(whole.text().utf8)])
    for sample in try Self.samples("cases") {
      let ids = tokenizer.encode(sample.text).ids.prefix(sample.ids.count)
      #expect(Array(ids) == sample.ids, "\(JSON.string(sample.text).text())")
    }
  }

  @Test func singleFileWithoutMergesIsNamed() {
    let error = #expect(throws: TokenizerError.self) {
      try CLIPTokenizer(attachments: ["tokenizer/tokenizer.json": Array("{}".utf8)])
    }
    #expect(error?.description == "tokenizer/tokenizer.json: no model with merges")
  }

  @Test func missingFileIsNamed() {
    let error = #expect(throws: TokenizerError.self) { try CLIPTokenizer(attachments: [:]) }
    #expect(error?.description == "tokenizer/vocab.json: the model does not carry it")
  }

  @Test func mergeOutsideTheVocabularyIsNamed() throws {
    var files = try Self.attachments()
    files["tokenizer/merges.txt"] = Array("#version: 0.2\ni n\nqz zq\n".utf8)
    let error = #expect(throws: TokenizerError.self) { try CLIPTokenizer(attachments: files) }
    #expect(error?.description == "tokenizer/merges.txt: 'qz' is not in the vocabulary")
  }

  @Test func lineThatIsNoPairIsNamed() throws {
    var files = try Self.attachments()
    files["tokenizer/merges.txt"] = Array("#version: 0.2\ni n g\n".utf8)
    let error = #expect(throws: TokenizerError.self) { try CLIPTokenizer(attachments: files) }
    #expect(error?.description == "tokenizer/merges.txt: line 2 is not a pair: 'i n g'")
  }
}
