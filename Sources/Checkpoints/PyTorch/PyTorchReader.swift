public import TensorCore

/// The tensors of a file that `torch.save` wrote.
///
/// The pickle is followed, never run: see `OpaqueValue`. Contiguous tensors of an uncompressed
/// archive are views straight into the mapping; others are put together when they are asked for.
/// A member's checksum is verified before its first byte is used.
public struct PyTorchReader: TensorSource, CheckpointReader {
  /// The tensors under their dotted names, in the order of the pickle.
  public let tensors: [TensorDescription]
  /// The non-tensor values, where the pickle has them.
  public let values: JSONObject
  /// The keys of the dictionary that holds the model, outermost first: `["state_dict"]`.
  public let wrapper: [String]
  /// How many tensors lie beside the root that the user chose, and were left out.
  public let outsideCount: Int
  /// The classes and functions that the pickle names and that stay opaque.
  public let opaqueValues: [OpaqueValue]
  /// The tensors that have no counterpart here, each with the reason: quantised ones of a few bits,
  /// those without bytes.
  public let unreadTensors: JSONObject
  /// Members of the archive that nothing refers to.
  public let unreadMembers: [String]

  private let path: String
  private let contents: TorchContents
  let layouts: [TorchLayout]

  /// Opens a file.
  ///
  /// - Throws: `FileError` when it cannot be mapped, `PyTorchError` when it is not sound.
  public init(path: String, options: ReadingOptions = ReadingOptions()) throws {
    try self.init(storage: .opening(path), path: path, options: options)
  }

  init(
    storage: ByteStorage, path: String, options: ReadingOptions = ReadingOptions()
  ) throws(PyTorchError) {
    do {
      try self.init(try TorchContents.read(storage), path: path, options: options)
    } catch {
      throw PyTorchError(path: path, problem: error)
    }
  }

  private init(
    _ contents: TorchContents, path: String, options: ReadingOptions
  ) throws(PyTorchError.Problem) {
    let heap = contents.heap
    let state: StateDictionary
    do throws(StateDictionary.Problem) {
      state = try StateDictionary(
        contents.root, heap: heap, in: contents.pickleStorage, choosing: options.root)
    } catch {
      throw switch error {
      case .depth: .depth(limit: StateDictionary.depthLimit)
      case .expansion: .expansion(limit: StateDictionary.visitLimit)
      case .root(let available): .root(options.root ?? "", available: available)
      }
    }
    var layouts: [TorchLayout] = []
    var unread: [(String, JSON)] = []
    var names: Set<ExactName> = []
    for entry in state.entries {
      guard names.insert(ExactName(entry.name)).inserted else { throw .duplicateName(entry.name) }
      let tensor = heap.tensors[entry.tensor]
      guard tensor.refusal == nil, let type = tensor.elementType else {
        unread.append((entry.name, .string(tensor.refusal ?? "its element type is unknown")))
        continue
      }
      var bytes = 0
      if let storage = tensor.storage {
        bytes = try contents.byteCount(
          of: heap.storages[storage], type: type, tensor: entry.name)
      }
      let layout = try TorchLayout(
        tensor, type: type, name: entry.name, storageBytes: bytes,
        isBigEndian: contents.isBigEndian)
      guard layout.hasSigns else {
        unread.append((entry.name, .string("it is a negated view of \(type)")))
        continue
      }
      layouts.append(layout)
    }
    self.path = path
    self.contents = contents
    self.layouts = layouts
    tensors = layouts.map(\.description)
    values = state.values
    wrapper = state.wrapper
    outsideCount = state.outsideCount
    opaqueValues = heap.opaqueValues
    unreadTensors = JSONObject(unread)
    unreadMembers = contents.unreadMembers
  }

  /// The tensor at an index of `tensors`.
  ///
  /// - Throws: `PyTorchError` when the archive member's checksum is wrong or it does not inflate.
  public func tensor(at index: Int) throws -> TensorView {
    let layout = layouts[index]
    guard layout.byteCount > 0, let place = layout.storage else {
      return TensorView(
        description: layout.description, storage: ByteStorage(count: 0) { _ in }, byteRange: 0..<0)
    }
    let (storage, range) = try contents.bytes(
      of: contents.heap.storages[place], path: path)
    guard layout.isInOrder else {
      return StridedElements(layout.order, in: storage, range).view(of: layout.description)
    }
    let start = range.lowerBound + layout.byteOffset
    return TensorView(
      description: layout.description, storage: storage, byteRange: start..<start + layout.byteCount
    )
  }

  static let format = ContainerFormat.pytorch
  static let hasRoots = true

  static func recognises(_ bytes: ByteStorage) -> Bool {
    TorchContents.recognises(bytes)
  }

  var checkpoint: Checkpoint {
    var metadata = JSONObject()
    if !values.isEmpty { metadata["values"] = .object(values) }
    if !wrapper.isEmpty { metadata["wrapper"] = .string(wrapper.joined(separator: ".")) }
    if outsideCount > 0 { metadata["tensorsOutsideRoot"] = .integer(outsideCount) }
    if !unreadTensors.isEmpty { metadata["unreadTensors"] = .object(unreadTensors) }
    if !unreadMembers.isEmpty {
      metadata["unreadMembers"] = .array(unreadMembers.map { .string($0) })
    }
    return Checkpoint(
      path: path, format: .pytorch, source: self, metadata: metadata, opaqueValues: opaqueValues)
  }
}

extension ContainerFormat {
  /// `torch.save`: a zip of a pickle and raw storages, or the older run of pickles.
  public static let pytorch = ContainerFormat("pytorch")
}
