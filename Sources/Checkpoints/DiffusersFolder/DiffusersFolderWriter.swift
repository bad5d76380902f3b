public import TensorCore

/// Writes a folder as diffusers saves a pipeline, streaming: one `.safetensors` a component, the
/// configurations, `model_index.json`, and the files carried along. Of a single component, the
/// weights and `config.json` alone, as its class saves itself.
///
/// `from_pretrained` loads it without a network. The folder appears whole or not at all.
public struct DiffusersFolderWriter: ~Copyable, CheckpointWriter {
  /// Components can be divided among files.
  public static let writesShards = true

  private let folder: OutputFolder
  private let shardBytes: Int?
  private let variant: String?
  private let configurations: [String: JSONObject]
  private let attachments: [String: [UInt8]]
  private let modelIndex: JSONObject?
  private var announcement: Announcement?
  /// The model's metadata, which the file of the first component holds.
  private var metadata = JSONObject()
  private var component: String?
  private var file: SafetensorsWriter?

  /// Starts a folder that will stand at the destination's path, where nothing or an empty folder may
  /// be, with its configurations (`_class_name` or `architectures` tells the class), attachments and
  /// index.
  ///
  /// - Throws: `FileError` when it cannot be created.
  public init(to destination: Destination) throws {
    shardBytes = destination.shardBytes
    variant = destination.variant
    let path = destination.path
    folder = try OutputFolder(
      creating: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
    configurations = destination.configurations.mapValues(Self.loadedInSinglePrecision)
    attachments = destination.attachments
    modelIndex = destination.modelIndex
  }

  /// Announces the tensors. Those of one component, the first part of the name, stand together.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    announcement = try Announcement(tensors, path: folder.path)
    self.metadata = metadata
    for tensor in tensors {
      let component = Self.component(of: tensor)
      guard configurations[component]?.isEmpty == false else {
        throw DiffusersFolderError(
          path: folder.path, problem: "tensor '\(tensor.name)' belongs to no configured component")
      }
    }
  }

  /// transformers loads a model in the type that its configuration states, diffusers in float32
  /// unless told: a half-precision text encoder would meet a float32 U-Net.
  private static func loadedInSinglePrecision(_ configuration: JSONObject) -> JSONObject {
    var configuration = configuration
    for field in ["torch_dtype", "dtype"] where configuration[field] != nil {
      configuration[field] = "float32"
    }
    return configuration
  }

  private static func component(of tensor: TensorDescription) -> String {
    String(tensor.name.prefix { $0 != "." })
  }

  /// Writes the bytes of the next announced tensor.
  public mutating func append(_ tensor: TensorView) throws {
    precondition(announcement != nil, "append was called before begin")
    _ = try announcement?.advance(tensor.description)
    let component = Self.component(of: tensor.description)
    do {
      if component != self.component {
        try finishComponent()
        self.component = component
        try begin(component)
      }
      try file?.append(tensor.described(as: Self.inner(tensor.description, component)))
    } catch let error as FileError {
      throw folder.naming(error)
    } catch let error as CheckpointError {
      // A file that has no temporary path any more when people look for it.
      let path = folder.naming(FileError(.create, path: error.path)).path
      throw CheckpointError(path: path, problem: error.problem)
    }
  }

  /// The tensor as its component's file names it.
  private static func inner(_ tensor: TensorDescription, _ component: String) -> TensorDescription {
    var inner = tensor
    inner.name.removeFirst(component.count + 1)
    return inner
  }

  private mutating func begin(_ component: String) throws {
    let tensors = (announcement?.tensors ?? []).filter { Self.component(of: $0) == component }
    let stem =
      configurations[component]?["_class_name"] == nil ? "model" : "diffusion_pytorch_model"
    let name = stem + (variant.map { "." + $0 } ?? "") + ".safetensors"
    let path = try folder.file(place(of: component) + name)
    var writer = try SafetensorsWriter(
      to: Destination(path: path, shardBytes: shardBytes, variant: variant))
    try writer.begin(tensors: tensors.map { Self.inner($0, component) }, metadata: metadata)
    metadata = [:]
    file = consume writer
  }

  /// What precedes the names of a component's files: its folder, where there is an index.
  private func place(of component: String) -> String {
    modelIndex == nil ? "" : component + "/"
  }

  private mutating func finishComponent() throws {
    guard let finished = file.take() else { return }
    try finished.finish()
  }

  /// Completes the folder and moves it into place.
  public consuming func finish() throws {
    try announcement?.checkComplete()
    do {
      try finishComponent()
      for (component, configuration) in configurations {
        let name = component == "scheduler" ? "scheduler_config.json" : "config.json"
        try write(.object(configuration), to: place(of: component) + name)
      }
      for (path, bytes) in attachments { try write(bytes, to: path) }
      if let modelIndex { try write(.object(modelIndex), to: "model_index.json") }
    } catch let error as FileError {
      throw folder.naming(error)
    }
    try folder.commit()
  }

  private func write(_ json: JSON, to path: String) throws {
    try write(Array((json.text(indent: 2) + "\n").utf8), to: path)
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    guard IngotAttachment.isSafe(path) else {
      throw DiffusersFolderError(
        path: folder.path, problem: "'\(path)' is not a plain relative path")
    }
    try OutputFile.write(bytes, to: try folder.file(path))
  }
}
