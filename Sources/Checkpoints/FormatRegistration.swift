internal import TensorCore

/// How one container is recognised, opened and written.
struct FormatRegistration: Sendable {
  /// The container.
  let format: ContainerFormat
  /// What it holds.
  let contents: ContainerFormat.Contents
  /// The endings of file names that ask for it when it is written; in lower case, without the dot.
  let endings: [String]
  /// Whether it is a folder.
  let isFolder: Bool
  /// Whether a file's bytes look like the container. Cheap, and never a judgement of validity.
  let recognises: @Sendable (ByteStorage) -> Bool
  /// Opens a file of the container: its bytes, the path for messages, and the user's wishes.
  let open: @Sendable (ByteStorage, String, ReadingOptions) throws -> Checkpoint
  /// Whether its tensors may lie in nested dictionaries, of which the user can choose one.
  let hasRoots: Bool
  /// Whether its tensors can be divided among files.
  let writesShards: Bool
  /// Whether it has a place for metadata.
  let keepsMetadata: Bool
  /// Writes tensors and metadata, where that is possible.
  let write:
    (
      @Sendable (
        any TensorSource, JSONObject, Destination, (_ done: Int, _ total: Int) throws -> Void
      ) throws -> Void
    )?

  /// Every container, the surest signature first: one line each.
  static let all: [FormatRegistration] = [
    .file(IngotReader.self, IngotWriter.self, endings: ["ingot"], holds: .model),
    .file(GGUFReader.self, GGUFWriter.self, endings: ["gguf"]),
    .file(SafetensorsReader.self, SafetensorsWriter.self, endings: ["safetensors", "sft"]),
    .file(NumPyReader.self, NumPyWriter.self, endings: ["npz"]),
    .file(PyTorchReader.self, PyTorchWriter.self, endings: ["ckpt", "pt", "pth", "bin"]),
    .folder(.diffusers, DiffusersFolderWriter.self, holds: .components),
  ]

  private static func file<
    Reader: CheckpointReader, Writer: CheckpointWriter & ~Copyable
  >(
    _ reader: Reader.Type, _ writer: Writer.Type, endings: [String],
    holds contents: ContainerFormat.Contents = .tensors
  ) -> FormatRegistration {
    FormatRegistration(
      format: Reader.format, contents: contents, endings: endings, isFolder: false,
      recognises: { Reader.recognises($0) },
      open: { try Reader(storage: $0, path: $1, options: $2).checkpoint },
      hasRoots: Reader.hasRoots, writesShards: Writer.writesShards,
      keepsMetadata: Writer.keepsMetadata,
      write: { try Writer.write($0, metadata: $1, to: $2, progress: $3) })
  }

  /// A folder; folders are opened before any bytes are looked at.
  private static func folder<Writer: CheckpointWriter & ~Copyable>(
    _ format: ContainerFormat, _ writer: Writer.Type, holds contents: ContainerFormat.Contents
  ) -> FormatRegistration {
    FormatRegistration(
      format: format, contents: contents, endings: [], isFolder: true,
      recognises: { _ in false },
      open: { _, path, _ in throw FileError(.notFolder, path: path) },
      hasRoots: false, writesShards: Writer.writesShards, keepsMetadata: Writer.keepsMetadata,
      write: { try Writer.write($0, metadata: $1, to: $2, progress: $3) })
  }
}
