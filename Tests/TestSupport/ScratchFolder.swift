internal import Checkpoints
public import Foundation
internal import TensorCore

/// A folder that is removed when the value goes.
public final class ScratchFolder {
  /// The folder.
  public let url: URL

  /// Makes a folder that nothing else uses.
  public init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the folder.
  public func path(_ name: String) -> String {
    url.appending(path: name).path(percentEncoded: false)
  }

  /// The names of what lies in the folder, sorted.
  public var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(""))) ?? []).sorted()
  }
}

extension ScratchFolder {
  /// Writes a text file; folders on the way are made.
  public func write(_ text: String, to name: String) throws {
    try text.write(to: try place(name), atomically: true, encoding: .utf8)
  }

  /// Writes a safetensors file of one f32 tensor `[2]` a name.
  public func writeWeights(_ names: [String], to name: String) throws {
    let tensors = names.map { TensorDescription(name: $0, elementType: .float32, shape: [2]) }
    var writer = try SafetensorsWriter(path: try place(name).path(percentEncoded: false))
    try writer.begin(tensors: tensors, metadata: [:])
    for (index, tensor) in tensors.enumerated() {
      let bytes = [UInt8](repeating: UInt8(index), count: 8)
      try writer.append(
        TensorView(
          description: tensor, storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<8))
    }
    try writer.finish()
  }

  private func place(_ name: String) throws -> URL {
    let place = url.appending(path: name).standardizedFileURL
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    return place
  }
}
