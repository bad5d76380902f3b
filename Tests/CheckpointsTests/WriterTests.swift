import Foundation
import TensorCore
import Testing

@testable import Checkpoints

@Suite struct WriterTests {
  @Test(arguments: ["valid/dtypes.pt", "valid/views.pt", "valid/values-2.pt", "valid/module.pt"])
  func pyTorchReadsBackWhatWasWritten(name: String) throws {
    let source = try Checkpoint.open(path: Fixture.path(name))
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.ckpt").path(percentEncoded: false)
      var writer = try PyTorchWriter(path: path)
      try write(source, to: &writer)
      try writer.finish()
      let copy = try Checkpoint.open(path: path)
      #expect(copy.format == .pytorch)
      #expect(copy.metadata["wrapper"] == "state_dict")
      #expect(copy.opaqueValues.isEmpty)
      try compare(copy, source)
      for index in copy.source.tensors.indices where copy.source.tensors[index].shape != [0] {
        let view = try copy.source.tensor(at: index)
        #expect(view.byteRange.isEmpty || view.byteRange.lowerBound % 64 == 0)
      }
    }
  }

  @Test func pyTorchKeepsPlainValues() throws {
    let source = try Checkpoint.open(path: Fixture.path("valid/protocol-2.pt"))
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.ckpt").path(percentEncoded: false)
      var writer = try PyTorchWriter(path: path)
      try write(source, to: &writer)
      try writer.finish()
      #expect(try Checkpoint.open(path: path).metadata == source.metadata)
    }
  }

  /// Pickles leave long text where it is; it is text still.
  @Test(arguments: ["x", "é", "—", "\u{1F600}"]) func pyTorchKeepsLongTexts(character: String)
    throws
  {
    let text = String(repeating: character, count: 5000)
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.ckpt").path(percentEncoded: false)
      var writer = try PyTorchWriter(path: path)
      try writer.begin(tensors: [], metadata: ["thumbnail": .string(text)])
      try writer.finish()
      #expect(try Checkpoint.open(path: path).portableMetadata["thumbnail"] == .string(text))
    }
  }

  /// The limit from which numbers are 64 bits wide is lowered, so that a small file has the fields
  /// of a large one.
  @Test(arguments: [0, 1, 100, 4000]) func pyTorchWritesZIP64(limit: Int) throws {
    let source = try Checkpoint.open(path: Fixture.path("valid/dtypes.pt"))
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.ckpt").path(percentEncoded: false)
      var writer = try PyTorchWriter(path: path, wideLimit: limit)
      try write(source, to: &writer)
      try writer.finish()
      try compare(try Checkpoint.open(path: path), source)
    }
  }

  @Test(arguments: [
    "valid/dtypes.safetensors", "valid/packed.safetensors", "valid/shapes.safetensors",
    "valid/empty.safetensors",
  ])
  func safetensorsReadsBackWhatWasWritten(name: String) throws {
    let source = try Checkpoint.open(path: Fixture.path(name))
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.safetensors").path(percentEncoded: false)
      var writer = try SafetensorsWriter(path: path)
      try write(source, to: &writer)
      try writer.finish()
      let copy = try Checkpoint.open(path: path)
      #expect(copy.format == .safetensors)
      #expect(copy.metadata == source.metadata)
      try compare(copy, source)
      let header = try Data(contentsOf: URL(filePath: path)).prefix(8)
      #expect(header[0] % 8 == 0)
    }
  }

  @Test func metadataThatIsNoStringIsWrittenAsItsText() throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out.safetensors").path(percentEncoded: false)
      var writer = try SafetensorsWriter(path: path)
      try writer.begin(tensors: [], metadata: ["values": ["epoch": 1]])
      try writer.finish()
      #expect(try Checkpoint.open(path: path).metadata == ["values": "{\"epoch\":1}"])
    }
  }

  // MARK: Misuse

  private static let scalar = TensorDescription(name: "a", elementType: .uint8, shape: [])
  private static let other = TensorDescription(name: "b", elementType: .uint8, shape: [2])

  private func view(_ description: TensorDescription) -> TensorView {
    let count = description.shape.elementCount
    let storage = ByteStorage(count: count) { bytes in
      bytes.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) }
    }
    return TensorView(description: description, storage: storage, byteRange: 0..<count)
  }

  @Test func anotherTensorThanAnnouncedIsAnError() throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out").path(percentEncoded: false)
      var writer = try SafetensorsWriter(path: path)
      try writer.begin(tensors: [Self.scalar], metadata: [:])
      #expect(
        message { try writer.append(view(Self.other)) }
          == "\(path): expected tensor 'a' (u8 []) next, found 'b' (u8 [2])")
      try writer.append(view(Self.scalar))
      #expect(
        message { try writer.append(view(Self.other)) }
          == "\(path): expected no further tensor, found 'b' (u8 [2])")
      _ = consume writer
      #expect(!FileManager.default.fileExists(atPath: path))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path()).isEmpty)
    }
  }

  @Test func missingTensorsAreAnError() throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out").path(percentEncoded: false)
      var writer = try PyTorchWriter(path: path)
      try writer.begin(tensors: [Self.scalar, Self.other], metadata: [:])
      do {
        try writer.finish()
        Issue.record("finish did not throw")
      } catch {
        #expect("\(error)" == "\(path): 2 announced tensors were never written, first 'a'")
      }
    }
  }

  @Test(arguments: [
    ([scalar, scalar], "two tensors are named 'a'"),
    (
      [TensorDescription(name: "__metadata__", elementType: .uint8, shape: [])],
      "a tensor is named '__metadata__', which safetensors keeps for itself"
    ),
    (
      [TensorDescription(name: "q", elementType: .q40, shape: [32])],
      "tensor 'q' is q4_0, for which safetensors has no code; --dtype f16 would decode it"
    ),
  ])
  func whatSafetensorsCannotHoldIsAnError(tensors: [TensorDescription], text: String) throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out").path(percentEncoded: false)
      var writer = try SafetensorsWriter(path: path)
      #expect(message { try writer.begin(tensors: tensors, metadata: [:]) } == "\(path): \(text)")
    }
  }

  @Test func whatPyTorchCannotHoldIsAnError() throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "out").path(percentEncoded: false)
      var writer = try PyTorchWriter(path: path)
      let tensor = TensorDescription(name: "q", elementType: .q40, shape: [32])
      #expect(
        message { try writer.begin(tensors: [tensor], metadata: [:]) }
          == "\(path): tensor 'q' is q4_0, for which pytorch has no code; --dtype f16 would decode it"
      )
    }
  }

  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func write<Writer: CheckpointWriter & ~Copyable>(
    _ checkpoint: Checkpoint, to writer: inout Writer
  ) throws {
    try writer.begin(tensors: checkpoint.source.tensors, metadata: checkpoint.metadata)
    for index in checkpoint.source.tensors.indices {
      try writer.append(checkpoint.source.tensor(at: index))
    }
  }

  private func compare(_ copy: Checkpoint, _ source: Checkpoint) throws {
    #expect(copy.source.tensors == source.source.tensors)
    for index in source.source.tensors.indices where index < copy.source.tensors.count {
      let (left, right) = (
        try copy.source.tensor(at: index), try source.source.tensor(at: index)
      )
      #expect(left.hexadecimal == right.hexadecimal, "\(left.name)")
    }
  }
}
