public import TensorCore

/// A checkpoint file as it is: its tensors under the names the file gives them, and everything
/// else it says.
public struct Checkpoint: Sendable {
  /// The path that the user gave.
  public let path: String
  /// The container, found from the bytes.
  public let format: ContainerFormat
  /// The tensors, in the container's order.
  public let source: any TensorSource
  /// What the container says beside the tensors: safetensors' `__metadata__` strings, or for a
  /// pickle the non-tensor values as JSON under `values`.
  public let metadata: JSONObject
  /// What a pickle names beside plain data. Nothing of it was run.
  public let opaqueValues: [OpaqueValue]
  /// The configurations that the container states, by component; none for a bare file of tensors.
  public let configurations: [String: JSONObject]
  /// The files that the container carries beside the tensors.
  public let attachments: Attachments
  /// Of a model in several files, those that were read or can be, by paths relative to the folder
  /// (`filesFolder`); empty where `path` is the one file.
  public let files: [String]
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
      let weights = try place.open(in: folder, options: options)
      var checkpoint = Checkpoint(
        path: path, format: weights.format, source: weights.source, metadata: weights.metadata,
        opaqueValues: weights.opaqueValues, configurations: weights.configurations,
        attachments: weights.attachments,
        files: weights.files.isEmpty ? [place.name] : weights.files)
      checkpoint.safety = weights.safety
      return checkpoint
    }
    try CheckpointError.checkRoot(options.root, of: .diffusers, path: path)
    return try DiffusersFolderReader(path: path, options: options).checkpoint
  }

  /// Opens a checkpoint that is one file.
  static func open(
    file path: String, options: ReadingOptions = ReadingOptions()
  ) throws -> Checkpoint {
    let storage = try ByteStorage(file: path, isMapped: options.usesMapping)
    return try open(storage, path: path, options: options)
  }

  /// Opens a checkpoint whose bytes are at hand.
  ///
  /// - Parameters:
  ///   - format: the container to take it for; found from the content by default.
  ///   - path: for messages.
  package static func open(
    _ storage: ByteStorage, as format: ContainerFormat? = nil, path: String,
    options: ReadingOptions = ReadingOptions()
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
    // Both read the same directory and pickle: side by side they take no longer than one.
    let safety = Background { SafetyReport(scanning: storage, named: path) }
    var checkpoint = try registration.open(storage, path, options)
    checkpoint.safety = try safety.value
    return checkpoint
  }
}

/// Small files that a container carries beside the tensors: a tokenizer's vocabulary. Read when
/// they are asked for.
public struct Attachments: Sendable {
  /// The relative paths, parts separated by `/`: `tokenizer/vocab.json`.
  public let paths: [String]
  private let read: @Sendable (String) throws -> [UInt8]

  /// Lists files and says how they are read; none by default.
  public init(
    paths: [String] = [], read: @escaping @Sendable (String) throws -> [UInt8] = { _ in [] }
  ) {
    self.paths = paths
    self.read = read
  }

  /// Every file by its path.
  ///
  /// - Throws: the container's error when a file cannot be read or is damaged.
  public var files: [String: [UInt8]] {
    get throws {
      var files: [String: [UInt8]] = [:]
      for path in paths { files[path] = try read(path) }
      return files
    }
  }
}

/// Something a pickle refers to that is no plain data: a class or a function. It was not imported
/// and not called; its place is kept by this note.
public struct OpaqueValue: Sendable, Hashable {
  /// The Python module: `pytorch_lightning.callbacks.model_checkpoint`.
  public let module: String
  /// The qualified name in the module: `ModelCheckpoint`.
  public let name: String
  /// Where the pickle names it, in bytes from the start of the pickle.
  public let offset: Int
  /// Whether Python would have called it while loading, and not only referred to it.
  public let isCalled: Bool

  /// Notes a reference.
  public init(module: String, name: String, offset: Int, isCalled: Bool) {
    self.module = module
    self.name = name
    self.offset = offset
    self.isCalled = isCalled
  }

  /// Module and name joined by a dot.
  public var qualifiedName: String { "\(module).\(name)" }
}

/// A file that is not a checkpoint, or a set of tensors that a container cannot hold.
public struct CheckpointError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// No reader knows the content; `start` says what it starts with.
    case unknownFormat(start: String)
    /// The container has no code for the tensor's element type.
    case elementType(tensor: String, type: ElementType, format: ContainerFormat)
    /// The container cannot hold the tensor for another reason: its name, its rank.
    case unfit(tensor: String, format: ContainerFormat, reason: String)
    /// A variant of the weights was asked for, but one file has none.
    case noVariants(String)
    /// Two tensors have one name.
    case duplicateName(String)
    /// The tensor has a name that the container keeps for itself.
    case reservedName(String, format: ContainerFormat)
    /// `append` was given another tensor than the next one announced.
    case unexpectedTensor(expected: TensorDescription?, found: TensorDescription)
    /// `finish` was called with announced tensors missing.
    case missingTensors(first: String, count: Int)
    /// The container can only be read.
    case notWritable(ContainerFormat)
    /// The header would exceed the format's limit.
    case headerTooLarge(bytes: Int, limit: Int)
    /// A root was chosen in a container that has none to choose from.
    case noRoots(root: String, format: ContainerFormat)
  }

  /// The file's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// Describes a problem of the file at `path`.
  public init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String {
    switch problem {
    case .unknownFormat(let start):
      "\(path): not a checkpoint of a known format: \(start)"
    case .elementType(let tensor, let type, let format):
      "\(path): tensor '\(tensor)' is \(type), for which \(format.rawValue) has no code"
        + (type.isDecodable && !type.isPlainFloat ? "; --dtype f16 would decode it" : "")
        + (type.isPlainFloat ? ": cast it with --dtype f32" : "")
    case .unfit(let tensor, let format, let reason):
      "\(path): tensor '\(tensor)' does not fit into \(format.rawValue): \(reason)"
    case .noVariants(let variant):
      "\(path): is one file, so --variant \(variant) has nothing to choose from"
    case .duplicateName(let name): "\(path): two tensors are named '\(name)'"
    case .reservedName(let name, let format):
      "\(path): a tensor is named '\(name)', which \(format.rawValue) keeps for itself"
    case .unexpectedTensor(let expected?, let found):
      "\(path): expected tensor \(Self.text(expected)) next, found \(Self.text(found))"
    case .unexpectedTensor(nil, let found):
      "\(path): expected no further tensor, found \(Self.text(found))"
    case .missingTensors(let first, let count):
      "\(path): \(count) announced tensor\(count == 1 ? " was" : "s were") never written, first "
        + "'\(first)'"
    case .noRoots(let root, let format):
      "\(path): a root ('\(root)') is chosen in pickles only, this is \(format.rawValue)"
    case .notWritable(let format): "\(path): \(format.rawValue) can be read, not written"
    case .headerTooLarge(let bytes, let limit):
      "\(path): the header would take \(bytes) bytes, the format allows \(limit)"
    }
  }

  /// Throws when a root was chosen in a container without dictionaries in dictionaries.
  static func checkRoot(
    _ root: String?, of format: ContainerFormat, path: String
  ) throws(CheckpointError) {
    guard let root else { return }
    throw CheckpointError(path: path, problem: .noRoots(root: root, format: format))
  }

  private static func text(_ tensor: TensorDescription) -> String {
    "'\(tensor.name)' (\(tensor.elementType) \(tensor.shape))"
  }

  /// What a file starts with, as people can read it: text in quotes, anything else in hex.
  static func start(of storage: ByteStorage) -> String {
    let bytes = storage.array(in: 0..<min(storage.count, 16))
    let isText = bytes.allSatisfy { (0x20..<0x7F).contains($0) || [9, 10, 13].contains($0) }
    if isText {
      if String(decoding: bytes, as: UTF8.self) == "version https://" {
        return "a Git LFS pointer: fetch the file that it stands for"
      }
      return "starts with " + JSON.string(String(decoding: bytes, as: UTF8.self)).text()
    }
    let digits = bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return "starts with bytes " + digits.joined(separator: " ")
  }
}
