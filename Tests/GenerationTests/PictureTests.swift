import Foundation
import Generation
import Numerics
import TensorCore
import Testing

/// Pictures: rounding, sheets, files.
@Suite struct PictureTests {
  @Test func valuesAreClampedAndRoundedHalfToEven() {
    // 0.5 and 2.5 of 255, a value below the range, one above, one that is none.
    let values: [Float] = [-2, 2, .nan, -1, 1, 0, 1.0 / 255 - 1, 5.0 / 255 - 1, 3.0 / 255 - 1]
    let picture = Picture(Tensor(shape: [1, 3, 1, 3], values: values))
    let channels = (0..<3).map { channel in (0..<3).map { picture.pixels[$0 * 3 + channel] } }
    #expect(channels[0] == [0, 255, 0])
    #expect(channels[1] == [0, 255, 128])
    #expect(channels[2].allSatisfy { $0 <= 3 })
  }

  @Test func gridLaysPicturesOutInRows() {
    let pictures = (0..<3).map { value in
      Picture(width: 2, height: 1, pixels: [UInt8](repeating: UInt8(value), count: 6))
    }
    let sheet = Picture.grid(pictures, columns: 2, gap: 1)
    #expect(sheet.width == 5)
    #expect(sheet.height == 3)
    let reds = stride(from: 0, to: sheet.pixels.count, by: 3).map { sheet.pixels[$0] }
    #expect(reds == [0, 0, 255, 1, 1, 255, 255, 255, 255, 255, 2, 2, 255, 255, 255])
  }

  @Test func fileIsAnIntactPNG() throws {
    let pixels = (0..<7 * 5 * 3).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 / 9) }
    let picture = Picture(width: 7, height: 5, pixels: pixels)
    let bytes = try picture.png(text: [("parameters", "ein Prompt mit ü, 漢")])
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    #expect(chunks(of: bytes).map(\.name) == ["IHDR", "iTXt", "sRGB", "IDAT", "IEND"])
    for chunk in chunks(of: bytes) { #expect(chunk.isIntact, "\(chunk.name)") }
    #expect(bytes == (try picture.png(text: [("parameters", "ein Prompt mit ü, 漢")])))
  }

  @Test func fileAppearsWholeOrNotAtAll() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "picture-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let picture = Picture(width: 1, height: 1, pixels: [1, 2, 3])
    let path = folder.appending(path: "a.png").path()
    try picture.writePNG(to: path)
    #expect(try Array(Data(contentsOf: URL(filePath: path))) == picture.png())
    #expect(throws: FileError.self) {
      try picture.writePNG(to: folder.appending(path: "none/a.png").path())
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path()) == ["a.png"])
  }

  private struct Chunk {
    let name: String
    let isIntact: Bool
  }

  /// The chunks of a PNG file, each with its checksum recomputed bit by bit.
  private func chunks(of bytes: [UInt8]) -> [Chunk] {
    var place = 8
    var chunks: [Chunk] = []
    func number(_ at: Int) -> UInt32 { bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    while place + 12 <= bytes.count {
      let end = place + 8 + Int(number(place))
      guard end + 4 <= bytes.count else { break }
      var sum = UInt32.max
      for byte in bytes[place + 4..<end] {
        for bit in 0..<8 {
          let isSet = (sum ^ UInt32(byte) >> UInt32(bit)) & 1 == 1
          sum = isSet ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1
        }
      }
      chunks.append(
        Chunk(
          name: String(decoding: bytes[place + 4..<place + 8], as: UTF8.self),
          isIntact: ~sum == number(end)))
      place = end + 4
    }
    return chunks
  }
}
