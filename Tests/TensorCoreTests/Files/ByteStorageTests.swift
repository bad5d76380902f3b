import Foundation
import Testing

@testable import TensorCore

@Suite struct ByteStorageTests {
  /// Bytes that tell their place.
  private struct Counting: ByteProvider {
    let count: Int

    func fill(_ target: inout MutableRawSpan, from offset: Int) {
      for index in 0..<target.byteCount {
        target.storeBytes(
          of: Self.byte(offset + index), toByteOffset: index, as: UInt8.self)
      }
    }

    static func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 7 &+ place >> 8) }
  }

  @Test func providedBytesAreLentByRange() {
    let storage = ByteStorage(Counting(count: 200_000))
    for range in [0..<0, 0..<10, 65_530..<65_540, 199_990..<200_000, 3..<150_000] {
      #expect(storage.array(in: range) == range.map(Counting.byte))
    }
    #expect(!storage.isMapped)
  }

  /// Forwards as in a directory, backwards as in the search for a zip's end, and at random.
  @Test func smallReadsOfProvidedBytesAreRight() {
    let storage = ByteStorage(Counting(count: 300_000))
    func expected(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(Counting.byte(offset + $1)) << (8 * UInt32($1)) }
    }
    let forwards = stride(from: 0, to: 299_996, by: 997)
    let backwards = stride(from: 299_996, to: 0, by: -1009)
    for offset in Array(forwards) + Array(backwards) + [0, 299_996, 5, 65_533, 65_535] {
      #expect(storage.load(UInt32.self, at: offset) == expected(offset))
    }
    #expect(storage.load(UInt32.self, at: 299_997) == nil)
    #expect(storage.load(UInt8.self, at: -1) == nil)
  }

  @Test(arguments: [3, 1 << 20, 3 << 20 | 17])
  func aFileReadsTheSameMappedOrNot(count: Int) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) })
      .write(to: URL(filePath: path))
    let (mapped, unmapped) = (
      try ByteStorage(file: path), try ByteStorage(file: path, isMapped: false)
    )
    #expect(mapped.isMapped && !unmapped.isMapped)
    #expect(mapped.count == count && unmapped.count == count)
    #expect(mapped.array(in: 0..<count) == unmapped.array(in: 0..<count))
    let last = count - 1
    #expect(mapped.load(UInt8.self, at: last) == unmapped.load(UInt8.self, at: last))
  }

  @Test(arguments: ["missing", "/dev/null", "/tmp"])
  func whatIsNoFileIsRefusedMappedOrNot(path: String) {
    let mapped = #expect(throws: FileError.self) { try ByteStorage(file: path) }
    let unmapped = #expect(throws: FileError.self) {
      try ByteStorage(file: path, isMapped: false)
    }
    #expect(mapped == unmapped)
  }

  /// Whole blocks, at most the limit, in order, and nothing left out.
  @Test(
    arguments: [
      (ElementType.float32, 1_000_003), (.float16, 1 << 20), (.q4K, 256 * 9000), (.bool, 1),
      (.float6E3M2, 4 * 300_001), (.complex128, 70_000), (.float32, 0),
    ] as [(ElementType, Int)])
  func chunksAreWholeBlocksInOrder(type: ElementType, elements: Int) throws {
    let shape = TensorShape([elements])
    let count = try #require(type.byteCount(for: shape))
    let view = TensorView(
      description: TensorDescription(name: "x", elementType: type, shape: shape),
      storage: ByteStorage(Counting(count: count + 5)), byteRange: 5..<count + 5)
    var end = 5
    view.forEachChunk { bytes in
      #expect(bytes.byteCount <= ByteStorage.chunkBytes)
      #expect(bytes.byteCount % type.blockBytes == 0)
      #expect(bytes.byteCount > 0)
      #expect(bytes.unsafeLoad(as: UInt8.self) == Counting.byte(end))
      end += bytes.byteCount
    }
    #expect(end == count + 5)
  }

  @Test(arguments: [ElementType.float16, .bfloat16, .float32, .float64])
  func nonFiniteValuesAreCounted(type: ElementType) {
    let values: [Double] = [1, .nan, 0, -.infinity, 65_504, .infinity, -3, 1e-7]
    let bytes = values.withUnsafeBytes { Array($0) }
    let cast = ElementConversion.convert(bytes.span.bytes, from: .float64, to: type)
    #expect(type.nonFiniteCount(in: cast.span.bytes) == 3)
  }
}
