import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct IngotRoundTripTests {
  static let metadata: JSONObject = [
    "modelspec.title": "tiny", "values": ["epoch": 3, "global_step": 1.5],
    "components": ["unet": ["sample_size": 64]], "source": ["name": "a.ckpt", "size": 12],
  ]
  static let attachments: [(String, [UInt8])] = [
    ("tokenizer/vocab.json", Array("{\"a\":1}".utf8)),
    ("tokenizer/merges.txt", Array("#version: 0.2\n".utf8)), ("empty", []),
  ]

  @Test func everythingComesBack() throws {
    let folder = try ScratchFolder()
    let path = folder.path("model.ingot")
    let tensors = makeVariety()
    #expect(Set(tensors.map(\.elementType)) == Set(ElementType.allCases))
    try writeIngot(tensors, to: path, metadata: Self.metadata, attachments: Self.attachments)
    #expect(folder.contents == ["model.ingot"])

    let reader = try IngotReader(path: path)
    #expect(reader.tensors == tensors.map(\.description))
    for (index, tensor) in tensors.enumerated() {
      #expect(reader.tensor(at: index).bytes == tensor.bytes)
      #expect(reader.position(of: tensor.name) == index)
      let record = reader.record(at: index)
      #expect(record.digest == tensor.withBytes { XXHash3.hash128($0) })
      #expect(
        record.statistics
          == tensor.withBytes { TensorStatistics(of: $0, type: tensor.elementType) })
    }
    #expect(reader.position(of: "absent") == nil)
    #expect(reader.checkpointMetadata == Self.metadata)
    #expect(reader.metadata["tool"] == "assay test")
    #expect(reader.components == ["unet": ["sample_size": 64]])
    #expect(reader.attachmentPaths == ["empty", "tokenizer/merges.txt", "tokenizer/vocab.json"])
    for (path, bytes) in Self.attachments { #expect(try reader.attachment(path) == bytes) }
    #expect(try reader.attachments.count == 3)
    #expect(throws: IngotError(path: path, problem: .missingAttachment("x"))) {
      try reader.attachment("x")
    }
    #expect(try reader.verify() == IngotVerification())
  }

  @Test func alignmentAndSharing() throws {
    let folder = try ScratchFolder()
    let path = folder.path("model.ingot")
    try writeIngot(makeVariety(), to: path)
    let reader = try IngotReader(path: path)
    for index in reader.tensors.indices {
      let range = reader.record(at: index).byteRange
      #expect(range.lowerBound % (range.count >= 65536 ? 4096 : 64) == 0)
      #expect(range.lowerBound >= 4096)
    }
    let tied = try ["large.a", "large.tied"].map { name in
      reader.record(at: try #require(reader.position(of: name))).byteRange
    }
    #expect(tied[0] == tied[1])
    #expect(reader.tensors.filter { $0.name.hasPrefix("large") }.count == 2)
  }

  @Test func noTensorsAtAll() throws {
    let folder = try ScratchFolder()
    let path = folder.path("model.ingot")
    try writeIngot([], to: path)
    let reader = try IngotReader(path: path)
    #expect(reader.tensors.isEmpty && reader.position(of: "a") == nil)
    #expect(try reader.verify().isIntact)
  }

  @Test func checkpointOpensIt() throws {
    let folder = try ScratchFolder()
    let path = folder.path("renamed.ckpt")
    try writeIngot(makeVariety(), to: path, metadata: Self.metadata)
    let checkpoint = try Checkpoint.open(path: path)
    #expect(checkpoint.format == .ingot)
    #expect(checkpoint.metadata == Self.metadata)
  }

  @Test func fingerprintDependsOnTheWeightsAlone() throws {
    let folder = try ScratchFolder()
    let tensors = makeVariety()
    try writeIngot(tensors, to: folder.path("a"), metadata: Self.metadata)
    try writeIngot(tensors.reversed(), to: folder.path("b"))
    let (first, second) = try (
      IngotReader(path: folder.path("a")), IngotReader(path: folder.path("b"))
    )
    #expect(first.weightsFingerprint == second.weightsFingerprint)
    #expect(try WeightsFingerprint.of(first) == first.weightsFingerprint)
    #expect(second.tensors == tensors.reversed().map(\.description))
    var changed = tensors
    changed[0] = makeTensor(tensors[0].name, .bool, [20, 3])
    try writeIngot(changed, to: folder.path("c"))
    #expect(
      try IngotReader(path: folder.path("c")).weightsFingerprint != first.weightsFingerprint)
  }

  @Test func theSameInputGivesTheSameFile() throws {
    let folder = try ScratchFolder()
    for name in ["a", "b"] {
      try writeIngot(
        makeVariety(), to: folder.path(name), metadata: Self.metadata,
        attachments: Self.attachments)
    }
    #expect(
      try Data(contentsOf: URL(filePath: folder.path("a")))
        == Data(contentsOf: URL(filePath: folder.path("b"))))
  }

  @Test func whatTheWriterRefuses() throws {
    let folder = try ScratchFolder()
    let path = folder.path("model.ingot")
    let nine = makeTensor("nine", .int8, [1, 1, 1, 1, 1, 1, 1, 1, 1])
    #expect(
      throws: IngotError(
        path: path, problem: .tensor("nine", problem: "rank 9, an ingot holds at most 8"))
    ) { try writeIngot([nine], to: path) }
    let one = makeTensor("one", .int8, [1])
    #expect(throws: CheckpointError(path: path, problem: .duplicateName("one"))) {
      try writeIngot([one, one], to: path)
    }
    #expect(
      throws: CheckpointError(path: path, problem: .reservedName("tool", format: .ingot))
    ) { try writeIngot([one], to: path, metadata: ["tool": 1]) }
    for name in ["../x", "/x", "a//b", "a/./b", "", "c:x", "a\\b"] {
      #expect(
        throws: IngotError(
          path: path, problem: .attachments(problem: "'\(name)' is not a plain relative path"))
      ) { try writeIngot([one], to: path, attachments: [(name, [1])]) }
    }
    #expect(throws: CheckpointError.self) {
      var writer = try IngotWriter(path: path)
      try writer.begin(tensors: [one.description], metadata: JSONObject())
      try writer.finish()
    }
    #expect(folder.contents.isEmpty)
  }
}
