import Foundation
import TensorCore

/// Writes small safetensors files for tests, by hand: the tool's own writer is under test too.
struct ReferenceFile {
  var metadata: [String: String] = [
    "assay.reference": "1", "model": "some-model", "versions": #"{"torch": "2"}"#,
    "components": #"["tokenizer", "clip"]"#, "probes": "{}", "traces": "{}",
  ]
  private var header: [(name: String, type: String, shape: [Int], range: Range<Int>)] = []
  private var bytes: [UInt8] = []

  mutating func add(_ name: String, shape: [Int], floats: [Float]) {
    append(name, "F32", shape, floats.flatMap { withUnsafeBytes(of: $0.bitPattern, Array.init) })
  }

  mutating func add(_ name: String, shape: [Int], integers: [Int32]) {
    append(name, "I32", shape, integers.flatMap { withUnsafeBytes(of: $0, Array.init) })
  }

  mutating func add(_ name: String, shape: [Int], bytes: [UInt8]) {
    append(name, "U8", shape, bytes)
  }

  /// The names of the tensors added so far.
  var names: [String] { header.map(\.name) }

  private mutating func append(_ name: String, _ type: String, _ shape: [Int], _ data: [UInt8]) {
    header.append((name, type, shape, bytes.count..<bytes.count + data.count))
    bytes += data
  }

  /// Writes the file into the temporary folder and returns its path.
  func write() throws -> String {
    var members: [(String, JSON)] = [
      (
        "__metadata__",
        .object(
          JSONObject(
            metadata.sorted { $0.key < $1.key }.map {
              ($0.key, .string($0.value))
            }))
      )
    ]
    for entry in header {
      let range: [JSON] = [.integer(entry.range.lowerBound), .integer(entry.range.upperBound)]
      members.append(
        (
          entry.name,
          .object([
            "dtype": .string(entry.type), "shape": .array(entry.shape.map(JSON.integer)),
            "data_offsets": .array(range),
          ])
        ))
    }
    let text = Array(JSON.object(JSONObject(members)).text().utf8)
    let path = NSTemporaryDirectory() + "assay-reference-\(UUID().uuidString).safetensors"
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init)
    try Data(length + text + bytes).write(to: URL(filePath: path))
    return path
  }
}
