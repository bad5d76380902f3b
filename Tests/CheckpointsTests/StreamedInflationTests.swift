import Checkpoints
import Foundation
import TensorCore
import Testing

/// A deflated member of six million bytes is not held in memory.
@Suite struct StreamedInflationTests {
  private func long() throws -> TensorView {
    let checkpoint = try Checkpoint.open(path: Fixture.path("streamed/deflated.pt"))
    let index = try #require(checkpoint.source.tensors.firstIndex { $0.name == "long" })
    return try checkpoint.source.tensor(at: index)
  }

  /// The value of byte `place` of `arange(1_500_000) % 251`.
  private static func byte(_ place: Int) -> UInt8 {
    place % 4 == 0 ? UInt8(place / 4 % 251) : 0
  }

  @Test func chunksFromFrontToBackAreTheContents() throws {
    let view = try long()
    var place = 0
    var isRight = true
    view.forEachChunk { bytes in
      for offset in 0..<bytes.byteCount {
        isRight =
          isRight
          && bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            == Self.byte(place + offset)
      }
      place += bytes.byteCount
    }
    #expect(place == 6_000_000)
    #expect(isRight)
  }

  @Test func rangesInAnyOrderAreTheContents() throws {
    let view = try long()
    for range in [
      5_000_000..<5_000_100, 17..<200_017, 5_999_999..<6_000_000, 0..<1, 1 << 20..<3 << 20,
    ] {
      #expect(view.storage.array(in: range) == range.map(Self.byte))
    }
  }

  @Test func theTensorBesideItIsRead() throws {
    let checkpoint = try Checkpoint.open(path: Fixture.path("streamed/deflated.pt"))
    let index = try #require(checkpoint.source.tensors.firstIndex { $0.name == "short" })
    #expect(
      try checkpoint.source.tensor(at: index).hexadecimal == "0000010002000300040005000600")
  }
}
