public import TensorCore

/// The tensors of one `.safetensors` file, as views straight into the mapping.
///
/// The header is checked as a whole before any view exists, as strictly as upstream's Rust library
/// (huggingface/safetensors, `tensor.rs`) and with its limits: tensors lie back to back, no holes,
/// no overlap, nothing behind the last one. Beyond that, duplicate keys and unknown members are
/// errors. The tensors are listed in the order of their bytes.
public struct SafetensorsReader: TensorSource, CheckpointReader {
  /// The tensors, in the order of their bytes.
  public let tensors: [TensorDescription]
  /// The strings of `__metadata__`.
  public let metadata: JSONObject

  private let path: String
  private let storage: ByteStorage
  private let ranges: [Range<Int>]

  /// The longest header that the format allows, in bytes.
  public static let headerLimit = 100_000_000

  /// Opens a file.
  ///
  /// - Throws: `FileError` when it cannot be mapped, `SafetensorsError` when it breaks the format.
  public init(path: String) throws {
    try self.init(storage: .opening(path), path: path)
  }

  init(
    storage: ByteStorage, path: String, options: ReadingOptions = ReadingOptions()
  ) throws(SafetensorsError) {
    let header = try SafetensorsHeader(storage: storage, path: path)
    self.path = path
    self.storage = storage
    tensors = header.entries.map(\.description)
    ranges = header.entries.map(\.range)
    metadata = header.metadata
  }

  /// The tensor at an index of `tensors`. Never throws: the header was checked.
  public func tensor(at index: Int) -> TensorView {
    TensorView(description: tensors[index], storage: storage, byteRange: ranges[index])
  }

  static let format = ContainerFormat.safetensors

  static func recognises(_ bytes: ByteStorage) -> Bool {
    guard let length = bytes.load(UInt64.self, at: 0), length < 1 << 40 else { return false }
    return startsObject { bytes.load(UInt8.self, at: $0) }
  }

  /// Whether the header's text starts as an object does, by the bytes of the file.
  static func startsObject(_ byte: (Int) -> UInt8?) -> Bool {
    // The specification wants the brace first; upstream's reader takes white space before it.
    var place = 8
    while let byte = byte(place), place < 8 + 64 {
      if ![0x20, 0x09, 0x0A, 0x0D].contains(byte) { return byte == UInt8(ascii: "{") }
      place += 1
    }
    return false
  }

  var checkpoint: Checkpoint {
    Checkpoint(path: path, format: .safetensors, source: self, metadata: metadata)
  }
}

extension ContainerFormat {
  /// A JSON header and raw bytes.
  public static let safetensors = ContainerFormat("safetensors")
}
