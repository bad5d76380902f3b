import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

/// A folder of small files of weights, made by a test.
struct WeightFolder {
  let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  var path: String { scratch.path("m") }

  func write(_ text: String, to name: String) throws { try scratch.write(text, to: "m/\(name)") }

  /// Writes a file of one f32 tensor `[2]` a name.
  func writeWeights(_ names: [String], to name: String) throws {
    try scratch.writeWeights(names, to: "m/\(name)")
  }

  /// The names of the tensors, or the error's line with the folder as `m`.
  func outcome(of name: String = "", variant: String? = nil) -> String {
    do {
      let checkpoint = try Checkpoint.open(
        path: name.isEmpty ? path : "\(path)/\(name)", options: ReadingOptions(variant: variant))
      return checkpoint.source.tensors.map(\.name).joined(separator: " ")
    } catch {
      return "\(error)".replacing(path, with: "m")
    }
  }
}

@Suite struct ShardedReaderTests {
  private let folder: WeightFolder

  init() throws { folder = try WeightFolder() }

  static let index = "model.safetensors.index.json"

  static let defects: [(index: String, problem: String)] = [
    ("{\"weight_map\": {}}", "the index names no shard"),
    (
      "{\"weight_map\": [1]}",
      "is JSON without a 'weight_map' of tensors and files, so no index of shards"
    ),
    ("{}", "is JSON without a 'weight_map' of tensors and files, so no index of shards"),
    ("{\"weight_map\": {\"a\": 1", "invalid JSON at byte 22: expected ',' or '}', found the end"),
    (
      #"{"weight_map": {"a": "x.safetensors", "\u0061": "x.safetensors"}}"#,
      "invalid JSON at byte 38: key 'a' stands twice"
    ),
    (
      #"{"weight_map": {"a": 1}}"#,
      "tensor 'a' is in 1, expected the name of a file beside the index"
    ),
    (
      #"{"weight_map": {"a": "../out.safetensors"}}"#,
      "tensor 'a' is in \"../out.safetensors\", expected the name of a file beside the index"
    ),
    (
      #"{"weight_map": {"a": "/etc/passwd"}}"#,
      "tensor 'a' is in \"/etc/passwd\", expected the name of a file beside the index"
    ),
    (
      #"{"weight_map": {"a": "sub/x.safetensors"}}"#,
      "tensor 'a' is in \"sub/x.safetensors\", expected the name of a file beside the index"
    ),
    (
      #"{"weight_map": {"a": ".."}}"#,
      "tensor 'a' is in \"..\", expected the name of a file beside the index"
    ),
    (
      #"{"weight_map": {"a": ""}}"#,
      "tensor 'a' is in \"\", expected the name of a file beside the index"
    ),
    (
      #"{"weight_map": {"a": "x.safetensors", "b": "z.safetensors"}}"#,
      "the shard 'z.safetensors' with tensor 'b' is not there"
    ),
    (
      #"{"weight_map": {"a": "link.safetensors"}}"#,
      "the shard 'link.safetensors' is a link to 'OUT', outside the folder"
    ),
    (
      #"{"weight_map": {"a": "x.safetensors", "b": "x.safetensors", "q": "x.safetensors"}}"#,
      "the index promises tensor 'q' in 'x.safetensors', which does not hold it"
    ),
    (
      #"{"weight_map": {"a": "x.safetensors"}}"#,
      "'x.safetensors' holds tensor 'b', which the index does not name there"
    ),
    (
      #"{"weight_map": {"a": "y.safetensors", "c": "x.safetensors"}}"#,
      "'x.safetensors' holds tensor 'a', which the index does not name there"
    ),
    (
      #"{"weight_map": {"a": "x.safetensors", "b": "x.safetensors", "c": "y.safetensors"}}"#,
      "tensor 'b' stands in 'x.safetensors' and in 'y.safetensors'"
    ),
    (
      #"{"metadata": {"total_size": 17}, "weight_map": {"a": "x.safetensors", "b": "x.safetensors"}}"#,
      "the tensors have 16 bytes, 'total_size' says 17"
    ),
    (
      #"{"metadata": {"total_size": 8}, "weight_map": {"a": "x.safetensors", "b": "x.safetensors"}}"#,
      "the tensors have 16 bytes, 'total_size' says 8"
    ),
    (
      #"{"metadata": {"total_size": "16"}, "weight_map": {"a": "x.safetensors"}}"#,
      "'total_size' is \"16\", expected a whole number of bytes"
    ),
    (
      #"{"metadata": {"total_size": -1}, "weight_map": {"a": "x.safetensors"}}"#,
      "'total_size' is -1, expected a whole number of bytes"
    ),
  ]

  @Test(arguments: defects) func isRefusedWithOneClearLine(index: String, problem: String) throws {
    try folder.writeWeights(["a", "b"], to: "x.safetensors")
    try folder.writeWeights(["c", "b"], to: "y.safetensors")
    try folder.writeWeights(["a"], to: "../out.safetensors")
    let out = folder.scratch.path("out.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/link.safetensors", withDestinationPath: out)
    try folder.write(index, to: Self.index)
    let found = folder.outcome(of: Self.index)
    let target = URL(filePath: out).resolvingSymlinksInPath().path
    #expect(found == "m/\(Self.index): \(problem.replacing("OUT", with: target))")
    #expect(folder.outcome() == found, "the folder finds its index")
  }

  @Test func anIndexIsNoShard() throws {
    try folder.write("{\"weight_map\": {\"a\": \"\(Self.index)\"}}", to: Self.index)
    #expect(
      folder.outcome(of: Self.index)
        == "m/\(Self.index): not a checkpoint of a known format: starts with "
        + "\"{\\\"weight_map\\\": {\"")
  }

  @Test func aDamagedShardIsNamed() throws {
    try folder.write("no tensors", to: "x.safetensors")
    try folder.write(#"{"weight_map": {"a": "x.safetensors"}}"#, to: Self.index)
    #expect(
      folder.outcome(of: Self.index)
        == "m/x.safetensors: not a checkpoint of a known format: starts with \"no tensors\"")
  }

  @Test func namesThatUnicodeCallsEqualAreTwo() throws {
    try folder.writeWeights(["\u{E9}", "e\u{301}"], to: "x.safetensors")
    try folder.write(
      "{\"weight_map\": {\"e\u{301}\": \"x.safetensors\", \"\u{E9}\": \"x.safetensors\"}}",
      to: Self.index)
    #expect(folder.outcome(of: Self.index).utf8.elementsEqual("\u{E9} e\u{301}".utf8))
  }

  @Test func theHubsCacheIsFollowed() throws {
    try folder.writeWeights(["a"], to: "blobs/0123")
    try folder.write(#"{"weight_map": {"a": "x.safetensors"}}"#, to: "snapshots/1/\(Self.index)")
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/snapshots/1/x.safetensors", withDestinationPath: "../../blobs/0123")
    #expect(folder.outcome(of: "snapshots/1") == "a")
    try folder.writeWeights(["a"], to: "blobs2/0123")
    try FileManager.default.removeItem(atPath: "\(folder.path)/snapshots/1/x.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/snapshots/1/x.safetensors", withDestinationPath: "../../blobs2/0123")
    #expect(folder.outcome(of: "snapshots/1").contains("outside the folder"))
  }

  @Test func aLinkWithinTheFolderIsFollowed() throws {
    try folder.writeWeights(["a"], to: "sub/real")
    try folder.write(#"{"weight_map": {"a": "x.safetensors"}}"#, to: Self.index)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/x.safetensors", withDestinationPath: "sub/real")
    #expect(folder.outcome() == "a")
  }

  @Test func itsFilesAreListed() throws {
    let path = Fixture.path("sharded/safetensors/model.safetensors.index.json")
    let checkpoint = try Checkpoint.open(path: path)
    #expect(checkpoint.format == .safetensors)
    #expect(checkpoint.filesFolder == Fixture.path("sharded/safetensors"))
    #expect(
      checkpoint.files == [
        Self.index, "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
      ])
  }
}
