import Checkpoints
import Foundation
import TensorCore
import Testing

@Suite struct ValidFileTests {
  @Test func fixturesAreThere() { #expect(Fixture.validNames.count >= 30) }

  @Test(arguments: Fixture.validNames) func holdsWhatItShould(name: String) throws {
    let expected = try #require(Fixture.expected[name])
    let checkpoint = try Checkpoint.open(path: Fixture.path(name))
    try compare(checkpoint.source, with: expected)
    if checkpoint.format == .safetensors {
      #expect(JSON.object(checkpoint.metadata) == expected["values"])
    } else {
      let values = checkpoint.metadata["values"] ?? [:]
      #expect(values == expected["values"])
    }
    let opaque = checkpoint.opaqueValues.map {
      $0.qualifiedName + ($0.isCalled ? " called" : "")
    }
    // A class may be named several times.
    let wanted = Set(try #require(expected["opaque"]?.arrayValue).compactMap(\.stringValue))
    #expect(Set(opaque) == wanted)
    #expect(checkpoint.metadata["unreadTensors"] == expected["unread"])
  }

  @Test func nothingWasRun() throws {
    _ = try Checkpoint.open(path: Fixture.path("valid/opaque.pt"))
    #expect(!FileManager.default.fileExists(atPath: "/tmp/assay-was-here"))
  }

  @Test(arguments: [
    "valid/dtypes.pt", "valid/module.pt", "valid/dtypes.safetensors", "valid/dtypes.npz",
    "valid/version-1.npy",
  ])
  func contiguousTensorsAreViewsOfTheMapping(name: String) throws {
    let checkpoint = try Checkpoint.open(path: Fixture.path(name))
    for index in checkpoint.source.tensors.indices {
      #expect(try checkpoint.source.tensor(at: index).storage.isMapped)
    }
  }

  @Test func unreadMembersAreReported() throws {
    let checkpoint = try Checkpoint.open(path: Fixture.path("hostile/extra-member-beside.pt"))
    #expect(checkpoint.metadata["unreadMembers"] == ["archive/evil.pkl"])
  }

  @Test func whatIsNoArrayOfNumbersIsReported() throws {
    let checkpoint = try Checkpoint.open(path: Fixture.path("valid/beside.npz"))
    #expect(
      checkpoint.metadata["unreadMembers"]
        == ["text.npy", "days.npy", "raw.npy", "notes/readme.txt"])
  }

  private func compare(_ source: any TensorSource, with expected: JSON) throws {
    let wanted = try #require(expected["tensors"]?.arrayValue)
    #expect(source.tensors.map(\.name) == wanted.map { $0["name"]?.stringValue ?? "" })
    for (index, wanted) in wanted.enumerated() where index < source.tensors.count {
      let view = try source.tensor(at: index)
      #expect(view.description == source.tensors[index])
      #expect(view.elementType.name == wanted["type"]?.stringValue)
      #expect(view.shape.dimensions == wanted["shape"]?.arrayValue?.compactMap(\.intValue))
      #expect(view.hexadecimal == wanted["bytes"]?.stringValue, "\(view.name)")
    }
  }

  /// Tensors that are put in order when they are asked for can be lent from any byte on.
  @Test(arguments: ["valid/views.pt", "valid/big-endian.pt"])
  func rearrangedTensorsCanBeLentFromAnyByte(name: String) throws {
    let source = try Checkpoint.open(path: Fixture.path(name)).source
    for index in source.tensors.indices {
      let view = try source.tensor(at: index)
      let whole = view.storage.array(in: view.byteRange)
      for start in stride(from: 0, to: whole.count, by: 3) {
        for end in stride(from: start, through: whole.count, by: 5) {
          let range = view.byteRange.lowerBound + start..<view.byteRange.lowerBound + end
          #expect(view.storage.array(in: range) == Array(whole[start..<end]))
        }
      }
    }
  }
}
