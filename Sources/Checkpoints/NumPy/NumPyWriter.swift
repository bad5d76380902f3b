public import TensorCore

/// Writes an `.npz` archive, streaming: one stored `.npy` member a tensor, byte for byte what
/// `numpy.save` writes, its elements on a multiple of 64 bytes. `numpy.load` reads it.
///
/// An archive has no place for metadata: none is written.
public struct NumPyWriter: ~Copyable, CheckpointWriter {
  /// There is no place for metadata.
  public static let keepsMetadata = false

  private var zip: ZipWriter
  private var announcement: Announcement?
  private var headers: [[UInt8]] = []

  /// Starts a file that will replace the one at the destination.
  public init(to destination: Destination) throws { try self.init(path: destination.path) }

  /// Starts a file that will replace `path`.
  ///
  /// - Throws: `FileError` when it cannot be created.
  public init(path: String) throws(FileError) {
    zip = try ZipWriter(path: path)
  }

  /// Announces the tensors.
  ///
  /// - Throws: `CheckpointError` when numpy has no type for one of them or a member cannot have a
  ///   tensor's name.
  public mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws {
    precondition(announcement == nil, "begin was called twice")
    announcement = try Announcement(tensors, path: zip.path)
    headers = try tensors.map { tensor throws(CheckpointError) in
      guard let type = ArrayType.description(of: tensor.elementType) else {
        throw CheckpointError(
          path: zip.path,
          problem: .elementType(tensor: tensor.name, type: tensor.elementType, format: .numpy))
      }
      if let reason = Self.obstacle(to: tensor) {
        throw CheckpointError(
          path: zip.path, problem: .unfit(tensor: tensor.name, format: .numpy, reason: reason))
      }
      return Self.header(type: type, shape: tensor.shape)
    }
    zip.reserve(tensors)
  }

  /// Why numpy could not read a tensor back, beside its type.
  private static func obstacle(to tensor: TensorDescription) -> String? {
    // Python's zipfile ends a name at its first zero byte; a zip counts a name's bytes in 16 bits.
    if tensor.name.utf8.contains(0) { return "its name holds a zero byte" }
    if tensor.name.utf8.count + 4 > 0xFFFF {
      return "its name has \(tensor.name.utf8.count) bytes, expected at most \(0xFFFF - 4)"
    }
    // NPY_MAXDIMS of numpy 2.
    if tensor.shape.rank > 64 { return "it has \(tensor.shape.rank) extents, expected at most 64" }
    return nil
  }

  /// The header as numpy writes it: room for the first extent to grow to 21 digits, and spaces up
  /// to a multiple of 64 bytes.
  private static func header(type: String, shape: TensorShape) -> [UInt8] {
    let extents = shape.dimensions.map(String.init)
    let tuple = extents.count == 1 ? "\(extents[0])," : extents.joined(separator: ", ")
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(tuple)), }"
    if let first = extents.first { text += String(repeating: " ", count: 21 - first.count) }
    text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
    let length = text.utf8.count
    return ArrayHeader.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }

  /// Writes the bytes of the next announced tensor.
  public mutating func append(_ tensor: TensorView) throws {
    precondition(announcement != nil, "append was called before begin")
    guard let index = try announcement?.advance(tensor.description) else { return }
    try zip.add(tensor.name + ".npy", tensor, behind: headers[index])
  }

  /// Completes the file and moves it into place.
  public consuming func finish() throws {
    try announcement?.checkComplete()
    try zip.finish()
  }
}
