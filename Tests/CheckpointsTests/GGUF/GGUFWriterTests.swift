import Foundation
import TensorCore
import Testing

@testable import Checkpoints

@Suite struct GGUFWriterTests {
  private func copy(
    _ source: Checkpoint, metadata: JSONObject? = nil, check: (String, Checkpoint) throws -> Void
  ) throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.gguf").path(percentEncoded: false)
      var writer = try GGUFWriter(to: Destination(path: path))
      try writer.begin(
        tensors: source.source.tensors, metadata: metadata ?? source.portableMetadata)
      for index in source.source.tensors.indices {
        try writer.append(try source.source.tensor(at: index))
      }
      try writer.finish()
      try check(path, try Checkpoint.open(path: path))
    }
  }

  /// The package wrote the same keys in the same order.
  @Test(arguments: [
    "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "q8_k",
  ])
  func writesWhatThePackageWrites(name: String) throws {
    let path = GGUFFixture.path("valid/\(name).gguf")
    try copy(try Checkpoint.open(path: path)) { written, _ in
      let expected = try Data(contentsOf: URL(filePath: path))
      #expect(try Data(contentsOf: URL(filePath: written)) == expected)
    }
  }

  @Test(arguments: ["plain", "big-endian", "alignment", "no-tensors", "no-keys", "comfy"])
  func keepsTensorsAndValues(name: String) throws {
    let source = try Checkpoint.open(path: GGUFFixture.path("valid/\(name).gguf"))
    try copy(source) { _, copy in
      #expect(copy.source.tensors == source.source.tensors)
      for index in source.source.tensors.indices {
        let bytes = try source.source.tensor(at: index).hexadecimal
        #expect(try copy.source.tensor(at: index).hexadecimal == bytes)
      }
      var expected = source.portableMetadata
      if expected["general.architecture"] == nil { expected["general.architecture"] = "unknown" }
      let orphan = "comfy.gguf.orig_shape.gone"
      if source.metadata[orphan] != nil {
        // A shape of no tensor does not travel.
        expected["gguf.types"] = nil
      }
      #expect(Set(copy.portableMetadata.members) == Set(expected.members))
    }
  }

  /// safetensors holds nothing but strings: the types that were noted bring the values back.
  @Test func valuesSurviveTheirText() throws {
    let source = try Checkpoint.open(path: GGUFFixture.path("valid/plain.gguf"))
    let texts = JSONObject(
      source.portableMetadata.members.map { member in
        (member.key, .string(member.value.stringValue ?? member.value.text()))
      })
    try copy(source, metadata: texts) { _, copy in
      #expect(Set(copy.portableMetadata.members) == Set(source.portableMetadata.members))
    }
  }

  @Test func valuesOfNoNotedTypeGetTheSmallestThatFits() throws {
    let values: JSONObject = [
      "small": 1, "negative": -1, "large": .integer(1 << 40), "half": 0.5, "tenth": 0.1,
      "yes": true, "none": .null, "object": ["a": 1], "mixed": [1, "a"], "numbers": [1, -1],
      "floats": [0.5, 1], "nested": [[1], [2, 3]], "empty": [],
    ]
    let tensors: [TensorDescription] = []
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.gguf").path(percentEncoded: false)
      var writer = try GGUFWriter(to: Destination(path: path))
      try writer.begin(tensors: tensors, metadata: values)
      try writer.finish()
      let metadata = try Checkpoint.open(path: path).metadata
      #expect(
        metadata["gguf.types"] == [
          "small": "u32", "negative": "i32", "large": "i64", "half": "f32", "tenth": "f64",
          "yes": "bool", "numbers": "[i32]", "floats": "[f32]", "nested": "[[u32]]",
          "empty": "[i32]",
        ])
      #expect(metadata["none"] == "null")
      #expect(metadata["object"] == "{\"a\":1}")
      #expect(metadata["mixed"] == "[1,\"a\"]")
      #expect(metadata["tenth"] == 0.1)
    }
  }

  @Test(arguments: [ElementType.bool, .uint8, .complex64, .float8E4M3FN, .uint64])
  func typesWithoutACodeAreRefused(type: ElementType) throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.gguf").path(percentEncoded: false)
      var writer = try GGUFWriter(to: Destination(path: path))
      let error = #expect(throws: CheckpointError.self) {
        try writer.begin(
          tensors: [TensorDescription(name: "a", elementType: type, shape: [2])], metadata: [:])
      }
      #expect(
        error?.description == "\(path): tensor 'a' is \(type), for which gguf has no code"
          + (type == .float8E4M3FN ? "; --dtype f16 would decode it" : ""))
    }
  }

  /// ggml has four dimensions and wants whole blocks in a row.
  @Test func otherShapesStandBesideTheStoredOnes() throws {
    let tensors = [
      TensorDescription(name: "video", elementType: .float32, shape: [2, 3, 1, 2, 2]),
      TensorDescription(name: "kernel", elementType: .q80, shape: [16, 2, 3, 3]),
      // The gguf package cannot read bf16 without a dimension.
      TensorDescription(name: "step", elementType: .bfloat16, shape: []),
    ]
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.gguf").path(percentEncoded: false)
      var writer = try GGUFWriter(to: Destination(path: path))
      try writer.begin(tensors: tensors, metadata: [:])
      for tensor in tensors {
        let count = try #require(tensor.elementType.byteCount(for: tensor.shape))
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let storage = ByteStorage(copying: bytes.span.bytes)
        try writer.append(
          TensorView(description: tensor, storage: storage, byteRange: 0..<count))
      }
      try writer.finish()
      #expect(try Checkpoint.open(path: path).source.tensors == tensors)
    }
  }
}
