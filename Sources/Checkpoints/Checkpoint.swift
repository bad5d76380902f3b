public import TensorCore

/// A checkpoint file as it is: its tensors under the names the file gives them, and everything
/// else it says.
public struct Checkpoint: Sendable {
  /// The path that the user gave.
  public private(set) var path: String
  /// The container, found from the bytes.
  public let format: ContainerFormat
  /// The tensors, in the container's order.
  public private(set) var source: any TensorSource
  /// What the container says beside the tensors: safetensors' `__metadata__` strings, or for a
  /// pickle the non-tensor values as JSON under `values`.
  public private(set) var metadata: JSONObject
  /// What a pickle names beside plain data. Nothing of it was run.
  public let opaqueValues: [OpaqueValue]
  /// The configurations that the container states, by component; none for a bare file of tensors.
  public let configurations: [String: JSONObject]
  /// The files that the container carries beside the tensors.
  public let attachments: Attachments
  /// Of a model in several files, those that were read or can be, by paths relative to the folder
  /// (`filesFolder`); empty where `path` is the one file.
  public private(set) var files: [String]
  /// What the pickles in the file would import and call, and the verdict on that.
  public internal(set) var safety: SafetyReport?

  /// The verdict on the file's pickles; `nil` where there is none and nothing else to tell.
  public var shownSafety: SafetyReport? {
    safety.flatMap { $0.pickles.isEmpty && $0.remarks.isEmpty ? nil : $0 }
  }

  /// Puts a checkpoint together; readers of containers do.
  public init(
    path: String, format: ContainerFormat, source: any TensorSource, metadata: JSONObject,
    opaqueValues: [OpaqueValue] = [], configurations: [String: JSONObject] = [:],
    attachments: Attachments = Attachments(), files: [String] = []
  ) {
    self.path = path
    self.format = format
    self.source = source
    self.metadata = metadata
    self.opaqueValues = opaqueValues
    self.configurations = configurations
    self.attachments = attachments
    self.files = files
  }

  /// The folder that `files` are in: `path` itself, or the one that holds the index at `path`.
  public var filesFolder: String {
    guard !DiffusersFolderReader.recognises(path) else { return path }
    return path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
  }

  /// The same checkpoint with other tensors: some renamed, replaced or left out; and with other
  /// metadata, if any are given.
  package func replacing(
    _ source: any TensorSource, metadata: JSONObject? = nil
  ) -> Checkpoint {
    var checkpoint = self
    checkpoint.source = source
    if let metadata { checkpoint.metadata = metadata }
    return checkpoint
  }

  /// The tensors; of an ingot each is checked against its digest as it is read.
  package var checkedSource: any TensorSource {
    (source as? IngotReader).map(CheckedIngot.init) ?? source
  }

  /// Opens a checkpoint of any known container, which is found from its content, never from its
  /// name. A folder is one that diffusers wrote, or holds weights and nothing else of a model; an
  /// index of shards stands for all of them.
  ///
  /// - Throws: `FileError` when the file cannot be mapped or is empty, `CheckpointError` when it is
  ///   of no known format or has no inner dictionaries to choose from, and otherwise the error of
  ///   the format's own reader.
  public static func open(
    path: String, options: ReadingOptions = ReadingOptions()
  ) throws -> Checkpoint {
    if DiffusersFolderReader.recognises(path) { return try open(folder: path, options: options) }
    if let variant = options.variant {
      throw CheckpointError(path: path, problem: .noVariants(variant))
    }
    return try open(file: path, options: options)
  }

  /// Opens a folder: one that diffusers wrote, or one with nothing but weights.
  private static func open(folder path: String, options: ReadingOptions) throws -> Checkpoint {
    let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    if !DiffusersFolderReader.hasConfiguration(folder),
      let place = try WeightFiles.lone(in: folder, variant: options.variant)
    {
      var checkpoint = try place.open(in: folder, options: options)
      checkpoint.path = path
      if checkpoint.files.isEmpty { checkpoint.files = [place.name] }
      return checkpoint
    }
    try CheckpointError.checkRoot(options.root, of: .diffusers, path: path)
    return try DiffusersFolderReader(path: path, options: options).checkpoint
  }

  /// Opens a checkpoint that is one file.
  static func open(
    file path: String, options: ReadingOptions = ReadingOptions()
  ) throws -> Checkpoint {
    try open(.opening(path, isMapped: options.usesMapping), path: path, options: options)
  }

  /// Opens a checkpoint whose bytes are at hand.
  ///
  /// - Parameters:
  ///   - format: the container to take it for; found from the content by default.
  ///   - path: for messages.
  ///   - isScanned: whether to look for pickles too.
  package static func open(
    _ storage: ByteStorage, as format: ContainerFormat? = nil, path: String,
    options: ReadingOptions = ReadingOptions(), isScanned: Bool = true
  ) throws -> Checkpoint {
    guard storage.count > 0 else { throw FileError(.empty, path: path) }
    let registration = FormatRegistration.all.first {
      format == nil ? $0.recognises(storage) : $0.format == format
    }
    guard let registration else {
      if format == nil, options.followsIndex, ShardIndex.recognises(storage) {
        return try ShardedReader(storage: storage, path: path, options: options).checkpoint
      }
      throw CheckpointError(
        path: path, problem: .unknownFormat(start: CheckpointError.start(of: storage)))
    }
    if !registration.hasRoots {
      try CheckpointError.checkRoot(options.root, of: registration.format, path: path)
    }
    guard isScanned else { return try registration.open(storage, path, options) }
    // Both read the same directory and pickle: side by side they take no longer than one.
    let safety = Background { SafetyReport(scanning: storage, named: path) }
    var checkpoint = try registration.open(storage, path, options)
    checkpoint.safety = try safety.value
    return checkpoint
  }
}
