import Foundation
import TensorCore
import Testing

@testable import Checkpoints

@Suite struct GGUFReaderTests {
  @Test(arguments: GGUFFixture.expected.keys) func holdsWhatThePackageWrote(name: String) throws {
    let expected = try #require(GGUFFixture.expected[name])
    let checkpoint = try Checkpoint.open(path: GGUFFixture.path("valid/\(name).gguf"))
    #expect(checkpoint.format == .gguf)
    #expect(JSON.object(checkpoint.metadata) == expected["values"])
    let wanted = try #require(expected["tensors"]?.arrayValue)
    #expect(checkpoint.source.tensors.map(\.name) == wanted.map { $0["name"]?.stringValue ?? "" })
    for (index, wanted) in wanted.enumerated() where index < checkpoint.source.tensors.count {
      let view = try checkpoint.source.tensor(at: index)
      #expect(view.description == checkpoint.source.tensors[index])
      #expect(view.elementType.name == wanted["type"]?.stringValue)
      #expect(view.shape.dimensions == wanted["shape"]?.arrayValue?.compactMap(\.intValue))
      #expect(view.hexadecimal == wanted["bytes"]?.stringValue, "\(view.name)")
    }
  }

  @Test func fixturesAreThere() {
    #expect(GGUFFixture.expected.count == 8)
    #expect(GGUFFixture.messages.count >= 48)
  }

  @Test(arguments: ["plain", "comfy", "q4_k"]) func tensorsAreViewsOfTheMapping(
    name: String
  ) throws {
    let checkpoint = try Checkpoint.open(path: GGUFFixture.path("valid/\(name).gguf"))
    for index in checkpoint.source.tensors.indices {
      #expect(try checkpoint.source.tensor(at: index).storage.isMapped)
    }
  }

  @Test(arguments: GGUFFixture.messages) func isRefusedWithOneClearLine(
    name: String, text: String
  ) {
    let path = GGUFFixture.path("hostile/\(name).gguf")
    #expect(Fixture.message(path) == "\(path): \(text)")
  }

  @Test func everyFileIsTested() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: GGUFFixture.path("hostile"))
    #expect(Set(files) == Set(GGUFFixture.messages.map { "\($0.name).gguf" }))
  }

  /// A list of single bytes would grow to many times its size in the file.
  @Test func valuesAreCounted() throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appending(path: "m.gguf").path(percentEncoded: false)
      var bytes = Array("GGUF".utf8)
      bytes.append(little: UInt32(3))
      bytes.append(little: UInt64(0))
      bytes.append(little: UInt64(1))
      bytes.append(ggufString: "a")
      bytes.append(little: GGUFValueType.array.rawValue)
      bytes.append(little: GGUFValueType.uint8.rawValue)
      bytes.append(little: UInt64(GGUFReader.valueLimit))
      bytes += [UInt8](repeating: 1, count: GGUFReader.valueLimit)
      try Data(bytes).write(to: URL(filePath: path))
      #expect(Fixture.message(path) == "\(path): the metadata have more than 2000000 values")
    }
  }

  /// Whatever a byte of the directory becomes, the file is read or refused, and nothing traps.
  @Test(arguments: ["plain", "q4_k", "comfy", "big-endian"]) func anyChangedByteIsSurvived(
    name: String
  ) throws {
    let data = try Data(contentsOf: URL(filePath: GGUFFixture.path("valid/\(name).gguf")))
    for index in 4..<min(data.count, 1200) {
      for value: UInt8 in [0, 0x7F, 0x80, 0xFF, data[index] ^ 1] {
        var bytes = Array(data)
        bytes[index] = value
        let storage = unsafe ByteStorage(copying: bytes.span.bytes)
        guard let reader = try? GGUFReader(storage: storage, path: "m.gguf") else { continue }
        for place in reader.tensors.indices { _ = reader.tensor(at: place) }
      }
    }
  }
}
