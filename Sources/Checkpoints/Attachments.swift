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
