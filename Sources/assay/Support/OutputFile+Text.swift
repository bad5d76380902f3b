internal import TensorCore

extension OutputFile {
  /// Writes a text file, whole or not at all.
  ///
  /// - Throws: `FileError` when it cannot be written.
  static func write(_ text: String, to path: String) throws {
    var file = try OutputFile(replacing: path)
    try file.write(text)
    try file.commit()
  }

  /// Throws at once what would otherwise be thrown after minutes of work: the file cannot be
  /// created. Leaves nothing.
  static func checkWritable(_ path: String) throws {
    _ = try OutputFile(replacing: path)
  }
}
