import Checkpoints
import Foundation
import TensorCore
import Testing

/// Reading without mapping gives the same as reading through a mapping.
@Suite struct UnmappedReadingTests {
  private static let unmapped = ReadingOptions(usesMapping: false)

  @Test(arguments: Fixture.validNames)
  func validFilesReadTheSame(name: String) throws {
    let path = Fixture.path(name)
    let (one, other) = (
      try Checkpoint.open(path: path), try Checkpoint.open(path: path, options: Self.unmapped)
    )
    #expect(one.format == other.format)
    #expect(one.metadata == other.metadata)
    #expect(one.opaqueValues == other.opaqueValues)
    #expect(one.source.tensors == other.source.tensors)
    for index in one.source.tensors.indices {
      let (mapped, read) = (try one.source.tensor(at: index), try other.source.tensor(at: index))
      #expect(mapped.hexadecimal == read.hexadecimal)
    }
  }

  @Test(arguments: HostileFileTests.messages.map(\.file))
  func hostileFilesAreRefusedWithTheSameWords(name: String) {
    let path = Fixture.path("hostile/\(name)")
    #expect(Fixture.message(path, options: Self.unmapped) == Fixture.message(path))
  }
}
