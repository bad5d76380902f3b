internal import Checkpoints
internal import Foundation
internal import TensorCore

/// Where a model came from: name, size and SHA-256 of each file. The digests are made beside the
/// conversion, on a thread of their own.
struct Provenance: Sendable {
  private let outcome: Background<JSONObject>

  /// Starts to read the files of a checkpoint.
  init(of checkpoint: Checkpoint) {
    outcome = Background { try Self.read(checkpoint) }
  }

  /// The name, the format, and the size and digest of the file or of each file in the folder; of
  /// an ingot also where it came from itself.
  ///
  /// - Throws: `FileError` when a file cannot be read.
  var json: JSONObject {
    get throws { try outcome.value }
  }

  private static func read(_ checkpoint: Checkpoint) throws -> JSONObject {
    let url = URL(filePath: checkpoint.path)
    var json: JSONObject = [
      "name": .string(url.standardized.lastPathComponent),
      "format": .string(checkpoint.format.rawValue),
    ]
    if !checkpoint.files.isEmpty {
      let folder = checkpoint.filesFolder
      json["files"] = .array(
        try checkpoint.files.map { name in
          .object(JSONObject([("name", .string(name))] + (try facts("\(folder)/\(name)"))))
        })
    } else {
      for (key, value) in try facts(checkpoint.path) { json[key] = value }
    }
    if let earlier = checkpoint.metadata["source"]?.objectValue {
      json["source"] = .object(earlier)
    }
    return json
  }

  private static func facts(_ path: String) throws -> [(String, JSON)] {
    let attributes: [FileAttributeKey: Any]
    do { attributes = try FileManager.default.attributesOfItem(atPath: path) } catch {
      throw FileError(.read, path: path, code: errno)
    }
    let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
    return [
      ("size", .integer(size)), ("sha256", .string(try SHA256.hexDigest(ofFile: path))),
    ]
  }
}
