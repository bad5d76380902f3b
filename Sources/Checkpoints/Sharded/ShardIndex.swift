internal import Foundation
internal import TensorCore

/// The index of a model in several files, as transformers and diffusers write it
/// (`huggingface_hub`, `serialization/_torch.py`): which file holds which tensor.
struct ShardIndex: Sendable {
  let path: String
  /// The folder of index and shards.
  let folder: String
  /// The shards, sorted by name.
  let files: [String]
  /// The tensors by file.
  let tensors: [String: [String]]
  /// The bytes of all tensors, where the index says it.
  let totalSize: Int?

  /// The largest index that is read, in bytes: 100 for each of a million tensors.
  private static let byteLimit = 100_000_000

  /// Whether a file starts as JSON does.
  static func recognises(_ storage: ByteStorage) -> Bool {
    let start = storage.array(in: 0..<min(storage.count, 64))
    return start.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
      && storage.count <= byteLimit
  }

  /// Reads an index; opens no shard.
  init(storage: ByteStorage, path: String) throws(ShardError) {
    self.path = path
    let url = URL(filePath: path)
    folder = url.deletingLastPathComponent().path(percentEncoded: false)
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: storage.array(in: 0..<storage.count))
    } catch {
      throw ShardError(path: path, problem: .json(error))
    }
    guard let map = json["weight_map"]?.objectValue else {
      throw ShardError(path: path, problem: .notIndex)
    }
    guard !map.isEmpty else { throw ShardError(path: path, problem: .empty) }
    var tensors: [String: [String]] = [:]
    for member in map.members {
      guard let file = member.value.stringValue, DiffusersFolderReader.isPlainName(file) else {
        throw ShardError(
          path: path, problem: .fileName(tensor: member.key, found: member.value.text()))
      }
      tensors[file, default: []].append(member.key)
    }
    self.tensors = tensors
    files = tensors.keys.sorted()
    totalSize = try Self.totalSize(json, path: path)
    for file in files { try checkPlace(file) }
  }

  private static func totalSize(_ json: JSON, path: String) throws(ShardError) -> Int? {
    guard let value = json["metadata"]?["total_size"] else { return nil }
    // Some writers divide and multiply, and leave `5135149760.0`.
    guard let size = value.intValue, size >= 0 else {
      throw ShardError(path: path, problem: .notSize(value.text()))
    }
    return size
  }

  /// The index of tensors that are divided among files.
  static func json(_ plan: ShardPlan, _ tensors: [TensorDescription]) -> JSON {
    var map: [(String, JSON)] = []
    for (path, range) in zip(plan.paths, plan.ranges) {
      let file = path.split(separator: "/").last.map(String.init) ?? path
      map += tensors[range].map { ($0.name, .string(file)) }
    }
    let size = tensors.reduce(0) { $0 + ($1.elementType.byteCount(for: $1.shape) ?? 0) }
    return [
      "metadata": ["total_size": .integer(size)], "weight_map": .object(JSONObject(map)),
    ]
  }

  /// The path of a shard.
  func path(of file: String) -> String { folder + (folder.hasSuffix("/") ? "" : "/") + file }

  /// The file is there and lies in the folder: a link may lead to a file in it, or from a snapshot
  /// of the hub's cache to that cache's `blobs`.
  private func checkPlace(_ file: String) throws(ShardError) {
    let shard = path(of: file)
    guard FileManager.default.fileExists(atPath: shard) else {
      throw ShardError(
        path: path, problem: .missingShard(file: file, tensor: tensors[file]?.first ?? ""))
    }
    let home = URL(filePath: folder).resolvingSymlinksInPath().pathComponents
    let target = URL(filePath: shard).resolvingSymlinksInPath()
    guard target.pathComponents.starts(with: home) || Self.isBlob(target, of: home) else {
      throw ShardError(
        path: path, problem: .outside(file: file, target: target.path(percentEncoded: false)))
    }
  }

  private static func isBlob(_ target: URL, of folder: [String]) -> Bool {
    guard let snapshots = folder.lastIndex(of: "snapshots") else { return false }
    return target.pathComponents.dropLast().elementsEqual(folder[..<snapshots] + ["blobs"])
  }
}
