internal import Foundation
public import TensorCore

/// The tensors of a folder that diffusers saved: a whole pipeline, or one component of it.
///
/// Names are the files' own behind the component's folder: `unet.conv_in.weight`. Nothing but
/// plain names below the folder is ever opened.
public struct DiffusersFolderReader: TensorSource {
  /// The tensors, component by component in the order of `model_index.json`.
  public let tensors: [TensorDescription]
  /// The configuration of each component that has one: `unet`, `scheduler`.
  public let configurations: [String: JSONObject]
  /// The small files of components without weights: `tokenizer/vocab.json`.
  public let attachments: Attachments

  private let path: String
  private let index: JSONObject?
  /// What the files of weights say beside their tensors, the first to say so counts.
  private let fileMetadata: JSONObject
  private let opaqueValues: [OpaqueValue]
  private let safety: SafetyReport
  private let paths: [String]
  /// By tensor, the file that has it and its place there.
  private let places: [(file: Int, index: Int)]
  private let files: [any TensorSource]

  private static let indexName = "model_index.json"
  /// The largest file that is carried along, in bytes; CLIP's `tokenizer.json` has 3.6 million.
  private static let attachmentLimit = 1 << 26

  /// Whether a path is a folder.
  static func recognises(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Whether a folder says what its weights are of.
  static func hasConfiguration(_ folder: String) -> Bool {
    [indexName, "config.json"].contains {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)")
    }
  }

  /// Opens a folder and the directories of all its files of weights.
  ///
  /// - Throws: `DiffusersFolderError` when it is no such folder or lacks a component that it
  ///   names, and whatever the files' own readers throw.
  public init(path: String, options: ReadingOptions = ReadingOptions()) throws {
    let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.path = path
    var contents = Contents(folder: folder, options: options)
    if FileManager.default.fileExists(atPath: "\(folder)/\(Self.indexName)") {
      let index = try Self.object(at: "\(folder)/\(Self.indexName)")
      self.index = index
      contents.paths.append(Self.indexName)
      for component in try Self.components(of: index, path: "\(folder)/\(Self.indexName)") {
        try contents.add(component, at: "\(folder)/\(component)")
      }
    } else {
      index = nil
      let component = try Self.loneComponent(folder)
      try contents.add(component, at: folder)
    }
    try contents.checkVariant()
    tensors = contents.tensors
    configurations = contents.configurations
    places = contents.places
    files = contents.files
    opaqueValues = contents.opaqueValues
    safety = contents.safety
    paths = contents.paths.sorted()
    fileMetadata = contents.metadata
    let attached = contents.attached
    attachments = Attachments(paths: attached.keys.sorted()) { name in
      try Self.bytes(ofFile: attached[name] ?? name)
    }
  }

  /// The tensor at an index of `tensors`.
  ///
  /// - Throws: the error of the file's own reader.
  public func tensor(at index: Int) throws -> TensorView {
    let place = places[index]
    return try files[place.file].tensor(at: place.index).described(as: tensors[index])
  }

  /// The folder as a checkpoint.
  var checkpoint: Checkpoint {
    var metadata = fileMetadata
    if let index { metadata["model_index"] = .object(index) }
    var checkpoint = Checkpoint(
      path: path, format: .diffusers, source: self, metadata: metadata,
      opaqueValues: opaqueValues, configurations: configurations, attachments: attachments,
      files: paths)
    checkpoint.safety = safety
    return checkpoint
  }

  /// The components that an index names with a library and a class; `null` ones are absent.
  private static func components(of index: JSONObject, path: String) throws -> [String] {
    try index.members.compactMap { member in
      guard let parts = member.value.arrayValue, parts.count == 2,
        parts.allSatisfy({ $0.stringValue != nil })
      else { return nil }
      guard isPlainName(member.key) else {
        throw DiffusersFolderError(
          path: path, problem: "component '\(member.key)' is not a plain folder name")
      }
      return member.key
    }
  }

  /// The component that a folder with just a `config.json` is.
  private static func loneComponent(_ folder: String) throws -> String {
    let path = "\(folder)/config.json"
    guard FileManager.default.fileExists(atPath: path) else {
      throw DiffusersFolderError(
        path: folder,
        problem: "is a folder without model_index.json, config.json or a file of weights, expected "
          + "a model")
    }
    let configuration = try object(at: path)
    let name =
      configuration["_class_name"]?.stringValue
      ?? configuration["architectures"]?.arrayValue?.first?.stringValue
    let component = name.flatMap(DiffusersClass.component)
    guard let component else {
      throw DiffusersFolderError(
        path: path,
        problem: "is of class \(name ?? "unknown"), expected one of "
          + DiffusersClass.names.joined(separator: ", "))
    }
    return component
  }

  static func isPlainName(_ name: String) -> Bool {
    IngotAttachment.isSafe(name) && !name.contains("/") && !name.hasPrefix(".")
  }

  private static func bytes(ofFile path: String) throws -> [UInt8] {
    let storage = try ByteStorage(file: path)
    guard storage.count <= attachmentLimit else {
      throw DiffusersFolderError(
        path: path, problem: "has \(storage.count) bytes, expected at most \(attachmentLimit)")
    }
    return storage.array(in: 0..<storage.count)
  }

  /// A JSON file that holds an object.
  static func object(at path: String) throws -> JSONObject {
    let bytes = try bytes(ofFile: path)
    do {
      if let object = try JSON(parsing: bytes).objectValue { return object }
    } catch {
      throw DiffusersFolderError(path: path, problem: "\(error)")
    }
    throw DiffusersFolderError(path: path, problem: "is not a JSON object")
  }

  /// What has been found in the folders so far.
  private struct Contents {
    let folder: String
    let options: ReadingOptions
    var tensors: [TensorDescription] = []
    var configurations: [String: JSONObject] = [:]
    var places: [(file: Int, index: Int)] = []
    var files: [any TensorSource] = []
    var opaqueValues: [OpaqueValue] = []
    var metadata = JSONObject()
    var safety = SafetyReport(container: "folder")
    /// The files, relative to the folder.
    var paths: [String] = []
    /// Absolute paths by relative ones.
    var attached: [String: String] = [:]
    /// The variants of weights that components have.
    private var variants: Set<String> = []

    init(folder: String, options: ReadingOptions) {
      self.folder = folder
      self.options = options
    }

    mutating func add(_ component: String, at path: String) throws {
      guard DiffusersFolderReader.recognises(path) else {
        throw DiffusersFolderError(
          path: folder, problem: "has no folder '\(component)', which \(indexName) names")
      }
      let found = try ComponentFiles(folder: path)
      let prefix = path == folder ? "" : "\(component)/"
      if let configuration = found.configuration { paths.append(prefix + configuration) }
      if let configuration = found.configuration {
        configurations[component] = try object(at: "\(path)/\(configuration)")
      }
      guard let place = place(in: found.weights) else {
        // A tokenizer has none; a network without weights would vanish without a word.
        let isNetwork = DiffusersClass.isNetwork(component)
        guard !isNetwork else {
          throw DiffusersFolderError(
            path: path,
            problem: "has no weights, expected a file such as diffusion_pytorch_model.safetensors, "
              + "model.safetensors or pytorch_model.bin")
        }
        paths += found.others.map { prefix + $0 }
        for name in found.others { attached["\(component)/\(name)"] = "\(path)/\(name)" }
        return
      }
      let checkpoint = try place.open(in: path, options: options)
      paths += (checkpoint.files.isEmpty ? [place.name] : checkpoint.files).map { prefix + $0 }
      opaqueValues += checkpoint.opaqueValues
      for member in checkpoint.portableMetadata.members
      where member.key != "format" && metadata[member.key] == nil {
        // The folder has an index of its own.
        let isTaken = member.key == "model_index"
        metadata[(isTaken ? ContainerFormat.keptPrefix : "") + member.key] = member.value
      }
      if let report = checkpoint.safety {
        safety.add(report, of: checkpoint.files.isEmpty ? prefix + place.name : component)
      }
      for (index, tensor) in checkpoint.source.tensors.enumerated() {
        places.append((files.count, index))
        tensors.append(
          TensorDescription(
            name: "\(component).\(tensor.name)", elementType: tensor.elementType,
            shape: tensor.shape))
      }
      files.append(checkpoint.source)
    }

    /// The weights of a component: of the variant wanted where there are some, as diffusers does.
    private mutating func place(in found: WeightFiles) -> WeightFiles.Place? {
      variants.formUnion(found.variants)
      return found.place(variant: options.variant) ?? found.place(variant: nil)
    }

    /// Some component has the variant wanted.
    func checkVariant() throws(ShardError) {
      guard let variant = options.variant, !variants.contains(variant) else { return }
      throw ShardError(path: folder, problem: .noVariant(variant, found: variants.sorted()))
    }
  }
}

extension ContainerFormat {
  /// A folder with one folder a component, as diffusers saves a pipeline.
  public static let diffusers = ContainerFormat("diffusers")
}
