public import TensorCore

/// A container of tensors. Each is declared in the folder of its reader and writer.
public struct ContainerFormat: RawRepresentable, Sendable, Hashable, CaseIterable {
  /// What users call it: `safetensors`.
  public let rawValue: String

  init(_ name: String) { rawValue = name }

  /// The container that users call by a name, if there is one.
  public init?(rawValue: String) {
    guard let format = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = format
  }

  /// Every container.
  public static var allCases: [ContainerFormat] { FormatRegistration.all.map(\.format) }

  /// The container that a path to be written asks for by its ending: `model.ckpt`. A path without
  /// an ending is a folder; `nil` for an ending that no container has.
  public init?(ofOutput path: String) {
    let name = path.split(separator: "/").last.map { String($0) } ?? path
    let dot = path.hasSuffix("/") ? nil : name.lastIndex(of: ".")
    let ending = dot.flatMap { dot in
      dot == name.startIndex ? nil : name[name.index(after: dot)...].lowercased()
    }
    let match = FormatRegistration.all.first { registration in
      ending.map(registration.endings.contains) ?? registration.isFolder
    }
    guard let match else { return nil }
    self = match.format
  }

  /// The endings of files that a conversion can write, for messages and help: `.ingot`.
  public static var outputEndings: [String] {
    FormatRegistration.all.flatMap { $0.endings.map { "." + $0 } }
  }

  /// Whether a path is a folder, which may hold several variants of its weights.
  public static func isFolder(_ path: String) -> Bool { DiffusersFolderReader.recognises(path) }

  /// What the container is to hold.
  public var contents: Contents { registration?.contents ?? .tensors }

  /// What a container holds, and so which names its tensors have.
  public enum Contents: Sendable, Hashable {
    /// Tensors under whatever names, and nothing about the model that they are of.
    case tensors
    /// Tensors under canonical names with configurations; of a model that nobody knows, tensors
    /// under their own names.
    case model
    /// A model whose every component is known, by its folder.
    case components
  }

  /// Whether a model can be written in several files.
  public var writesShards: Bool { registration?.writesShards ?? false }

  /// Whether metadata have a place in it.
  public var keepsMetadata: Bool { registration?.keepsMetadata ?? true }

  /// The containers that can be written in several files, for messages.
  public static var sharded: [ContainerFormat] { allCases.filter(\.writesShards) }

  private var registration: FormatRegistration? {
    FormatRegistration.all.first { $0.format == self }
  }

  /// Writes tensors into this container, streaming.
  ///
  /// - Parameter progress: called with the bytes written so far and in all.
  /// - Throws: `CheckpointError` when the container cannot hold one of the tensors or cannot be
  ///   written at all, the errors of source and writer.
  public func write(
    _ tensors: any TensorSource, metadata: JSONObject, to destination: Destination,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    guard let write = registration?.write else {
      throw CheckpointError(path: destination.path, problem: .notWritable(self))
    }
    try write(tensors, metadata, destination, progress)
  }
}

/// Where and with what a container is to be written. Every writer takes what it has a use for.
public struct Destination: Sendable {
  /// The path of the file or folder.
  public var path: String
  /// By component, with diffusers' field names.
  public var configurations: [String: JSONObject]
  /// Files to carry along, by relative path: `tokenizer/vocab.json`.
  public var attachments: [String: [UInt8]]
  /// `model_index.json` of a folder; `nil` for a folder of one component without an index.
  public var modelIndex: JSONObject?
  /// The program and version to name as the writer.
  public var tool: String
  /// The short name of the model's family, `sd1` or `sdxl`, if it is known.
  public var family: String?
  /// The most bytes of tensors that one file is to hold; all of them by default.
  public var shardBytes: Int?
  /// What a folder's weights are a variant of the model's in, `fp16`: their files name it.
  public var variant: String?
  /// What is known about the source only when the tensors have been read.
  public var source: (@Sendable () throws -> JSONObject)?

  /// Describes where and with what to write.
  public init(
    path: String, configurations: [String: JSONObject] = [:],
    attachments: [String: [UInt8]] = [:], modelIndex: JSONObject? = nil, tool: String = "assay",
    family: String? = nil, shardBytes: Int? = nil, variant: String? = nil,
    source: (@Sendable () throws -> JSONObject)? = nil
  ) {
    self.path = path
    self.configurations = configurations
    self.attachments = attachments
    self.modelIndex = modelIndex
    self.tool = tool
    self.family = family
    self.shardBytes = shardBytes
    self.variant = variant
    self.source = source
  }
}
