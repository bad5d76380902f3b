import Foundation
import TensorCore

/// A safetensors file taken apart by hand, to make damaged variants of it.
struct SafetensorsEdit {
  var header: JSONObject
  var bytes: Data

  init(path: String) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    header = try JSON(parsing: Array(data[8..<8 + length])).objectValue ?? JSONObject()
    bytes = Data(data[(8 + length)...])
  }

  /// The file's bytes.
  var data: Data {
    let text = Data(JSON.object(header).text().utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + bytes
  }

  /// Gives a tensor another name in the same place.
  mutating func rename(_ name: String, to other: String) {
    header = JSONObject(header.members.map { ($0.key == name ? other : $0.key, $0.value) })
  }

  /// Gives a tensor another shape of as many elements.
  mutating func reshape(_ name: String, to shape: [Int]) {
    var entry = header[name]?.objectValue ?? JSONObject()
    entry["shape"] = .array(shape.map(JSON.integer))
    header[name] = .object(entry)
  }

  /// Changes the sign of a float32 tensor's first value, or of a float16 tensor's first two.
  mutating func negate(_ name: String) {
    guard let range = range(of: name) else { return }
    bytes[range.lowerBound + 3] ^= 0x80
    if header[name]?["dtype"] == "F16" { bytes[range.lowerBound + 1] ^= 0x80 }
  }

  /// Gives all values of a float16 tensor the same bits.
  mutating func setHalves(_ name: String, to bits: UInt16) {
    guard let range = range(of: name) else { return }
    for place in range {
      bytes[place] = UInt8(
        truncatingIfNeeded: (place - range.lowerBound) % 2 == 0 ? bits : bits >> 8)
    }
  }

  private func range(of name: String) -> Range<Int>? {
    guard let ends = header[name]?["data_offsets"]?.arrayValue?.compactMap(\.intValue),
      ends.count == 2
    else { return nil }
    return bytes.startIndex + ends[0]..<bytes.startIndex + ends[1]
  }
}
