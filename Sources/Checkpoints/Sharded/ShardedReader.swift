public import TensorCore

/// The tensors of a model in several files, which an index ties together.
///
/// Every shard's directory is checked when the index is opened: together they hold exactly the
/// tensors that the index names, each in its file and once.
public struct ShardedReader: TensorSource {
  /// The tensors, shard by shard in the order of their names.
  public let tensors: [TensorDescription]
  /// What the shards say beside the tensors; where they differ, the first has the word.
  public let metadata: JSONObject

  private let index: ShardIndex
  private let format: ContainerFormat
  private let opaqueValues: [OpaqueValue]
  private let safety: SafetyReport
  /// By tensor, the shard that has it and its place there.
  private let places: [(shard: Int, index: Int)]
  private let shards: [any TensorSource]

  /// Opens the shards of an index.
  ///
  /// - Throws: `ShardError` when index and shards do not fit together, and whatever the shards'
  ///   own readers throw.
  public init(path: String, options: ReadingOptions = ReadingOptions()) throws {
    try self.init(
      storage: .opening(path, isMapped: options.usesMapping), path: path, options: options)
  }

  init(storage: ByteStorage, path: String, options: ReadingOptions) throws {
    let index = try ShardIndex(storage: storage, path: path)
    var contents = Contents(index: index)
    var options = options
    options.followsIndex = false
    for file in index.files {
      try contents.add(
        try Checkpoint.open(file: index.path(of: file), options: options), file: file)
    }
    try contents.checkSize()
    self.index = index
    tensors = contents.tensors
    metadata = contents.metadata
    places = contents.places
    shards = contents.shards
    opaqueValues = contents.opaqueValues
    safety = contents.safety
    format = contents.format ?? .safetensors
  }

  /// The tensor at an index of `tensors`.
  ///
  /// - Throws: the error of the shard's own reader.
  public func tensor(at index: Int) throws -> TensorView {
    try shards[places[index].shard].tensor(at: places[index].index)
  }

  /// The names of the index and of the shards, which lie in one folder.
  var files: [String] {
    [index.path.split(separator: "/").last.map(String.init) ?? ""] + index.files
  }

  /// The model as a checkpoint of its shards' format.
  var checkpoint: Checkpoint {
    var checkpoint = Checkpoint(
      path: index.path, format: format, source: self, metadata: metadata,
      opaqueValues: opaqueValues, files: files)
    checkpoint.safety = safety
    return checkpoint
  }

  /// What has been found in the shards so far.
  private struct Contents {
    let index: ShardIndex
    var tensors: [TensorDescription] = []
    var metadata = JSONObject()
    var places: [(shard: Int, index: Int)] = []
    var shards: [any TensorSource] = []
    var opaqueValues: [OpaqueValue] = []
    var safety = SafetyReport(container: "shards")
    var format: ContainerFormat?
    private var homes: [ExactName: String] = [:]

    init(index: ShardIndex) { self.index = index }

    private func fail(_ problem: ShardError.Problem) -> ShardError {
      ShardError(path: index.path, problem: problem)
    }

    mutating func add(_ checkpoint: Checkpoint, file: String) throws {
      let promised = index.tensors[file] ?? []
      var missing = Set(promised.map(ExactName.init))
      for (place, tensor) in checkpoint.source.tensors.enumerated() {
        if let first = homes.updateValue(file, forKey: ExactName(tensor.name)) {
          throw fail(.twice(tensor: tensor.name, first: first, second: file))
        }
        guard missing.remove(ExactName(tensor.name)) != nil else {
          throw fail(.unnamedTensor(tensor.name, file: file))
        }
        places.append((shards.count, place))
        tensors.append(tensor)
      }
      if let name = promised.first(where: { missing.contains(ExactName($0)) }) {
        throw fail(.missingTensor(name, file: file))
      }
      for member in checkpoint.metadata.members where metadata[member.key] == nil {
        metadata[member.key] = member.value
      }
      opaqueValues += checkpoint.opaqueValues
      if let report = checkpoint.safety { safety.add(report, of: file) }
      format = format ?? checkpoint.format
      shards.append(checkpoint.source)
    }

    /// The index's `total_size` counts tied weights of a pickle once, so there it may be less.
    func checkSize() throws(ShardError) {
      guard let expected = index.totalSize else { return }
      let found = tensors.reduce(0) { $0 + ($1.elementType.byteCount(for: $1.shape) ?? 0) }
      guard expected == found || format == .pytorch && expected < found else {
        throw fail(.totalSize(expected: expected, found: found))
      }
    }
  }
}
