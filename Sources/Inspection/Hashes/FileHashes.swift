public import Checkpoints
internal import Foundation
internal import TensorCore

/// The hashes by which interfaces and model sites know a file.
public struct FileHashes: Sendable, Hashable {
  /// The file.
  public let path: String
  /// SHA-256 of the whole file.
  public let sha256: String
  /// The first web interface's old hash, 8 digits: of 64 KiB at one MiB, and so the same for many
  /// files; `nil` for files that are shorter.
  public let autoV1: String?
  /// Of a safetensors file, SHA-256 of everything behind the header: what sd-scripts and the
  /// `modelspec` standard call the model's hash, and AutoV3 before it is shortened.
  public let tensorData: String?

  /// The web interfaces' short hash: 10 digits of SHA-256.
  public var autoV2: String { String(sha256.prefix(10)) }
  /// The model sites' short hash that survives changes of metadata: 12 digits.
  public var autoV3: String? { tensorData.map { String($0.prefix(12)) } }
  /// As metadata has it: `modelspec.hash_sha256`.
  public var modelspec: String? { tensorData.map { "0x" + $0 } }

  /// Reads a file, once for each kind of hash and side by side.
  ///
  /// - Throws: `FileError` when it cannot be read.
  public init(path: String, isSafetensors: Bool) throws {
    self.path = path
    let storage = try ByteStorage(file: path)
    let whole = Background { Self.hash(storage, from: 0) }
    tensorData =
      isSafetensors
      ? storage.load(UInt64.self, at: 0).flatMap { length in
        length <= UInt64(max(storage.count - 8, 0))
          ? Self.hash(storage, from: 8 + Int(length)) : nil
      } : nil
    let start = 1 << 20
    autoV1 =
      storage.count > start
      ? storage.withBytes(in: start..<min(start + 1 << 16, storage.count)) {
        String(SHA256.hexDigest(of: $0).prefix(8))
      } : nil
    sha256 = try whole.value
    try MappingGuard.check()
  }

  private static func hash(_ storage: ByteStorage, from start: Int) -> String {
    var hash = SHA256()
    storage.forEachChunk(in: start..<storage.count) { hash.update($0) }
    return hash.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The hashes of each file that a checkpoint consists of.
  ///
  /// - Throws: `FileError` when one cannot be read.
  public static func all(of checkpoint: Checkpoint) throws -> [FileHashes] {
    let paths =
      checkpoint.files.isEmpty
      ? [checkpoint.path] : checkpoint.files.map { "\(checkpoint.filesFolder)/\($0)" }
    return try paths.map { path in
      try FileHashes(path: path, isSafetensors: isSafetensors(path))
    }
  }

  private static func isSafetensors(_ path: String) -> Bool {
    path.hasSuffix(".safetensors") || path.hasSuffix(".sft")
  }
}

/// A hash that a file's metadata states, beside the one that it has.
public struct StatedHash: Sendable, Hashable {
  /// The key of the metadata.
  public let key: String
  /// What it says.
  public let stated: String
  /// What is right; `nil` where it cannot be told.
  public let found: String?

  /// Whether the statement holds; `nil` where that cannot be told. `modelspec.hash_sha256` is to
  /// begin with `0x`, and many programs leave that out.
  public var isRight: Bool? {
    found.map { Self.digits($0) == Self.digits(stated) }
  }

  private static func digits(_ hash: String) -> String {
    let digits = hash.lowercased()
    return digits.hasPrefix("0x") ? String(digits.dropFirst(2)) : digits
  }

  /// The hashes in the metadata of a checkpoint that is one file.
  public static func all(of checkpoint: Checkpoint, _ hashes: [FileHashes]) -> [StatedHash] {
    let metadata = checkpoint.metadata
    let one = hashes.count == 1 ? hashes[0] : nil
    let known: [(String, String?)] = [
      ("modelspec.hash_sha256", one?.modelspec), ("sshs_model_hash", one?.tensorData),
      // Made over a header that nobody keeps.
      ("sshs_legacy_hash", nil),
    ]
    return known.compactMap { key, found in
      metadata[key]?.stringValue.map { StatedHash(key: key, stated: $0, found: found) }
    }
  }
}
