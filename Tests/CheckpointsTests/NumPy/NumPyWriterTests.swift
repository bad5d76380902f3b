import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct NumPyWriterTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func copy(_ source: Checkpoint) throws -> Checkpoint {
    let path = scratch.path("out.npz")
    var writer = try NumPyWriter(path: path)
    try writer.begin(tensors: source.source.tensors, metadata: source.metadata)
    for index in source.source.tensors.indices {
      try writer.append(source.source.tensor(at: index))
    }
    try writer.finish()
    return try Checkpoint.open(path: path)
  }

  @Test(arguments: ["dtypes", "fortran", "big-endian", "shapes", "names", "deflated"])
  func readsBackWhatWasWritten(name: String) throws {
    let source = try Checkpoint.open(path: Fixture.path("valid/\(name).npz"))
    let copy = try copy(source)
    #expect(copy.format == .numpy)
    #expect(copy.source.tensors == source.source.tensors)
    for index in source.source.tensors.indices {
      let view = try copy.source.tensor(at: index)
      #expect(try view.hexadecimal == source.source.tensor(at: index).hexadecimal)
      #expect(view.byteRange.isEmpty || view.byteRange.lowerBound % 64 == 0)
      #expect(view.storage.isMapped)
    }
  }

  /// The fixtures are numpy's own files.
  @Test(arguments: ["dtypes.npz", "shapes.npz", "names.npz"])
  func membersAreWhatNumPyWrites(name: String) throws {
    let path = Fixture.path("valid/\(name)")
    _ = try copy(try Checkpoint.open(path: path))
    let numpys = try ZipContents(try ByteStorage.opening(path))
    let ours = try ZipContents(try ByteStorage.opening(scratch.path("out.npz")))
    #expect(
      ours.archive.members.map { Array($0.name.utf8) }
        == numpys.archive.members.map { Array($0.name.utf8) })
    for (one, other) in zip(ours.archive.members, numpys.archive.members) {
      #expect(try ours.array(of: one) == numpys.array(of: other))
    }
  }

  static let unfit: [(TensorDescription, String)] = [
    (
      TensorDescription(name: "w", elementType: .bfloat16, shape: [1]),
      "tensor 'w' is bf16, for which numpy has no code; --dtype f32 would cast it"
    ),
    (
      TensorDescription(name: "w", elementType: .float8E4M3FN, shape: [1]),
      "tensor 'w' is f8_e4m3fn, for which numpy has no code; --dtype f16 would decode it"
    ),
    (
      TensorDescription(name: "a\0b", elementType: .uint8, shape: [1]),
      "tensor 'a\0b' does not fit into numpy: its name holds a zero byte"
    ),
    (
      TensorDescription(
        name: "r", elementType: .uint8, shape: TensorShape([Int](repeating: 1, count: 65))),
      "tensor 'r' does not fit into numpy: it has 65 extents, expected at most 64"
    ),
  ]

  @Test(arguments: unfit) func whatNumPyCannotHoldIsAnError(
    tensor: TensorDescription, text: String
  ) throws {
    let path = scratch.path("out.npz")
    #expect { () throws in
      var writer = try NumPyWriter(path: path)
      try writer.begin(tensors: [tensor], metadata: [:])
    } throws: {
      "\($0)" == "\(path): \(text)"
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func aNameThatNoZipCanHoldIsAnError() throws {
    let name = String(repeating: "x", count: 0xFFFF - 3)
    #expect { () throws in
      var writer = try NumPyWriter(path: scratch.path("out.npz"))
      let tensor = TensorDescription(name: name, elementType: .uint8, shape: [1])
      try writer.begin(tensors: [tensor], metadata: [:])
    } throws: {
      "\($0)".hasSuffix(": its name has 65532 bytes, expected at most 65531")
    }
  }
}
