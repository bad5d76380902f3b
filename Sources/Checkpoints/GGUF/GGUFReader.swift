public import TensorCore

/// The tensors of one `.gguf` file of version 2 or 3, as views straight into the mapping.
///
/// The whole directory is checked before any view exists. Shapes are listed outermost first, as
/// everywhere else; GGUF stores them the other way round. Files with the most significant byte
/// first are read too; their tensors are swapped when asked for.
///
/// Source: the specification in ggml, `docs/gguf.md`, and the `gguf` package, `gguf_reader.py`.
public struct GGUFReader: CheckpointReader {
  /// The tensors, in the order of the directory.
  public let tensors: [TensorDescription]
  /// The keys and values. Under `gguf.types` stand the types of those that are no strings, so that
  /// a writer can restore them.
  public let metadata: JSONObject

  private let path: String
  private let storage: ByteStorage
  private let ranges: [Range<Int>]
  private let isBigEndian: Bool

  /// The most bytes that keys, values and tensor entries may take.
  public static let directoryLimit = 100_000_000
  /// The most values that the metadata may have, elements of lists included.
  public static let valueLimit = 2_000_000
  /// The most levels of lists in lists.
  public static let depthLimit = 16
  /// The most dimensions of a tensor. ggml stops at 4.
  public static let rankLimit = 8

  /// The key under which ComfyUI-GGUF keeps a tensor's own shape, before the tensor's name.
  static let shapeKeyPrefix = "comfy.gguf.orig_shape."
  /// The key under which the types of other keys stand.
  static let typesKey = "gguf.types"

  init(
    storage: ByteStorage, path: String, options: ReadingOptions = ReadingOptions()
  ) throws(GGUFError) {
    let directory = try GGUFDirectory(storage: storage, path: path)
    self.path = path
    self.storage = storage
    isBigEndian = directory.isBigEndian
    tensors = directory.entries.map(\.description)
    ranges = directory.entries.map(\.range)
    var metadata = directory.metadata
    let noted = directory.types.filter { !GGUFReader.ownKeys.contains($0.key) }
    if !noted.isEmpty, metadata[Self.typesKey] == nil {
      metadata[Self.typesKey] = .object(
        JSONObject(noted.map { ($0.key, .string($0.type.note)) }))
    }
    self.metadata = metadata
    if isBigEndian {
      for tensor in tensors where !GGUFByteOrder.canSwap(tensor.elementType) {
        throw GGUFError(
          path: path,
          problem: .tensor(
            tensor.name,
            problem: "is \(tensor.elementType) with the most significant byte first, an order "
              + "that nobody defined for this type"))
      }
    }
  }

  /// Keys that describe the file and not the model.
  static let ownKeys = ["general.alignment", "general.file_type", "general.quantization_version"]

  /// The tensor at an index of `tensors`. Never throws: the directory was checked.
  public func tensor(at index: Int) -> TensorView {
    let view = TensorView(
      description: tensors[index], storage: storage, byteRange: ranges[index])
    return isBigEndian ? GGUFByteOrder.littleEndian(view) : view
  }

  static let format = ContainerFormat.gguf

  static func recognises(_ bytes: ByteStorage) -> Bool {
    // "GGUF", whatever the byte order of the rest.
    bytes.load(UInt32.self, at: 0) == 0x4655_4747
  }

  var checkpoint: Checkpoint {
    Checkpoint(path: path, format: .gguf, source: self, metadata: metadata)
  }
}

extension ContainerFormat {
  /// The file of ggml, llama.cpp and stable-diffusion.cpp.
  public static let gguf = ContainerFormat("gguf")
}
