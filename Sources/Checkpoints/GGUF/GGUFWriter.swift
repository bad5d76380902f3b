public import TensorCore

/// Writes one `.gguf` file of version 3, streaming: what the `gguf` package writes for the same
/// keys and tensors, byte for byte.
///
/// A tensor whose rows are no whole number of blocks, or that has more than ggml's four dimensions,
/// is stored under another shape; its own stands under `comfy.gguf.orig_shape.<name>`, where
/// ComfyUI-GGUF and `GGUFReader` find it.
public struct GGUFWriter: ~Copyable, CheckpointWriter {
  private var file: OutputFile
  private var announcement: Announcement?
  private let architecture: String

  private static let alignment = 32
  private static let rankLimit = 4

  /// Starts a file that will replace the one at the destination.
  ///
  /// Its `general.architecture` will be the model's family, unless the metadata name another, by
  /// the names that ComfyUI-GGUF has: to it the second generation's U-Net is an `sd1` too.
  public init(to destination: Destination) throws {
    file = try OutputFile(replacing: destination.path)
    architecture = destination.family.map { $0 == "sd2" ? "sd1" : $0 } ?? "unknown"
  }

  /// Writes the directory.
  ///
  /// Every metadata member becomes a key (`GGUFKeyValues`). `general.architecture`, which the format
  /// asks for, is `unknown` where nobody knows it; `general.file_type` and, for block types,
  /// `general.quantization_version` follow from the tensors.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    announcement = try Announcement(tensors, path: file.path)
    let metadata = metadata.withoutOpaqueValues
    var keys = GGUFKeyValues(notes: metadata[GGUFReader.typesKey])
    keys.add("general.architecture", metadata["general.architecture"] ?? .string(architecture))
    if let type = Self.fileType(of: tensors) {
      keys.append("general.file_type", .integer(type), .scalar(.uint32))
    }
    if tensors.contains(where: \.elementType.isGGMLBlock) {
      keys.append("general.quantization_version", 2, .scalar(.uint32))
    }
    let written = GGUFReader.ownKeys + ["general.architecture", GGUFReader.typesKey]
    for member in metadata.members
    where !written.contains(member.key) && !member.key.hasPrefix(GGUFReader.shapeKeyPrefix) {
      keys.add(member.key, member.value)
    }

    var infos: [UInt8] = []
    var offset = 0
    for tensor in tensors {
      guard let code = tensor.elementType.ggufCode,
        let count = tensor.elementType.byteCount(for: tensor.shape)
      else {
        throw CheckpointError(
          path: file.path,
          problem: .elementType(tensor: tensor.name, type: tensor.elementType, format: .gguf))
      }
      let stored = Self.storedShape(of: tensor)
      if stored != tensor.shape.dimensions {
        let isSmall = tensor.shape.dimensions.allSatisfy { $0 <= Int(Int32.max) }
        keys.append(
          GGUFReader.shapeKeyPrefix + tensor.name,
          .array(tensor.shape.dimensions.map { .integer($0) }),
          .array(of: .scalar(isSmall ? .int32 : .int64)))
      }
      infos.append(ggufString: tensor.name)
      infos.append(little: UInt32(stored.count))
      for extent in stored.reversed() { infos.append(little: UInt64(extent)) }
      infos.append(little: code)
      infos.append(little: UInt64(offset))
      offset += Self.padded(count)
    }

    var header = Array("GGUF".utf8)
    header.append(little: UInt32(3))
    header.append(little: UInt64(tensors.count))
    header.append(little: UInt64(keys.count))
    guard header.count + keys.bytes.count + infos.count <= GGUFReader.directoryLimit else {
      throw CheckpointError(
        path: file.path,
        problem: .headerTooLarge(
          bytes: header.count + keys.bytes.count + infos.count, limit: GGUFReader.directoryLimit))
    }
    file.reserve(byteCount: header.count + keys.bytes.count + infos.count + offset)
    try unsafe file.write(header.span.bytes)
    try unsafe file.write(keys.bytes.span.bytes)
    try unsafe file.write(infos.span.bytes)
    try pad()
  }

  /// Writes the bytes of the next announced tensor.
  public mutating func append(_ tensor: TensorView) throws {
    precondition(announcement != nil, "append was called before begin")
    _ = try announcement?.advance(tensor.description)
    try tensor.forEachChunk { bytes throws(FileError) in try file.write(bytes) }
    try pad()
  }

  /// Completes the file and moves it into place.
  public consuming func finish() throws {
    try announcement?.checkComplete()
    try file.commit()
  }

  private static func padded(_ count: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  private mutating func pad() throws(FileError) {
    try file.pad(to: Self.padded(file.position))
  }

  /// The extents under which a tensor is stored, outermost first.
  private static func storedShape(of tensor: TensorDescription) -> [Int] {
    let (shape, block) = (tensor.shape, tensor.elementType.blockElements)
    if shape.elementCount > 0, (shape.last ?? 1) % block != 0 {
      return [shape.elementCount / block, block]
    }
    // The gguf package counts bf16 in bytes of its last axis, so there has to be one.
    if shape.rank == 0, tensor.elementType == .bfloat16 { return [1] }
    guard shape.rank > rankLimit else { return shape.dimensions }
    let outer = shape.dimensions.prefix(shape.rank - rankLimit + 1).reduce(1, *)
    return [outer] + shape.dimensions.suffix(rankLimit - 1)
  }

  /// llama.cpp's number (`llama_ftype`) of the type that most values in matrices have.
  private static func fileType(of tensors: [TensorDescription]) -> Int? {
    let numbers: [ElementType: Int] = [
      .float32: 0, .float16: 1, .q40: 2, .q41: 3, .q80: 7, .q50: 8, .q51: 9, .q2K: 10, .q3K: 12,
      .q4K: 15, .q5K: 17, .q6K: 18, .bfloat16: 32,
    ]
    var counts: [Int: Int] = [:]
    for tensor in tensors where tensor.shape.rank > 1 {
      if let number = numbers[tensor.elementType] {
        counts[number, default: 0] += tensor.shape.elementCount
      }
    }
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }
}
