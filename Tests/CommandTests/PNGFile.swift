import CZlib
import Foundation
import Testing

/// A PNG of 8-bit red, green and blue, read by hand: the tool's own code only writes.
struct PNGFile {
  let width: Int
  let height: Int
  /// Red, green, blue of every pixel, row by row.
  let pixels: [UInt8]
  /// The texts by keyword.
  let texts: [String: String]

  init(path: String) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: path)))
    try #require(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    func number(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    var (place, packed): (Int, [UInt8]) = (8, [])
    var texts: [String: String] = [:]
    while place + 12 <= bytes.count {
      let body = Array(bytes[place + 8..<place + 8 + number(place)])
      switch String(decoding: bytes[place + 4..<place + 8], as: UTF8.self) {
      case "IDAT": packed += body
      case "iTXt":
        let keyword = body.prefix { $0 != 0 }
        texts[String(decoding: keyword, as: UTF8.self)] = String(
          decoding: body.dropFirst(keyword.count + 5), as: UTF8.self)
      default: break
      }
      place += 12 + body.count
    }
    (width, height) = (number(16), number(20))
    try #require(bytes[24] == 8 && bytes[25] == 2, "8-bit RGB")
    self.texts = texts
    var raw = [UInt8](repeating: 0, count: height * (width * 3 + 1))
    var size = UInt(raw.count)
    try #require(uncompress(&raw, &size, packed, UInt(packed.count)) == Z_OK)
    pixels = Self.unfiltered(raw, stride: width * 3)
  }

  /// Undoes the filters of the PNG specification's section 9.
  private static func unfiltered(_ raw: [UInt8], stride: Int) -> [UInt8] {
    var pixels: [UInt8] = []
    for row in 0..<raw.count / (stride + 1) {
      let filter = raw[row * (stride + 1)]
      for column in 0..<stride {
        let left = column < 3 ? 0 : Int(pixels[row * stride + column - 3])
        let up = row == 0 ? 0 : Int(pixels[(row - 1) * stride + column])
        let corner = row == 0 || column < 3 ? 0 : Int(pixels[(row - 1) * stride + column - 3])
        let guess =
          switch filter {
          case 1: left
          case 2: up
          case 3: (left + up) / 2
          case 4: paeth(left, up, corner)
          default: 0
          }
        pixels.append(UInt8(truncatingIfNeeded: Int(raw[row * (stride + 1) + 1 + column]) + guess))
      }
    }
    return pixels
  }

  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> Int {
    let (a, b, c) = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
    return a <= b && a <= c ? left : (b <= c ? up : corner)
  }
}
