internal import TensorCore

extension OutputFile {
  /// Throws at once what would otherwise be thrown after minutes of work: the file cannot be
  /// created. Leaves nothing.
  static func checkWritable(_ path: String) throws {
    _ = try OutputFile(replacing: path)
  }
}
