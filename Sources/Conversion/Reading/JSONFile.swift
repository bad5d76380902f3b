internal import TensorCore

/// A file of JSON that a user gives beside a model.
enum JSONFile {
  /// The most bytes that are read, as of the files in a diffusers folder.
  static let limit = 1 << 26

  /// Reads a file that holds one object.
  ///
  /// - Throws: `FileError` when it cannot be read, `ConversionError` when it is too large or no JSON
  ///   object.
  static func object(at path: String) throws -> JSONObject {
    let storage = try ByteStorage(file: path)
    guard storage.count <= limit else {
      throw ConversionError(
        path: path, problem: "has \(storage.count) bytes, expected at most \(limit)")
    }
    do {
      let value = try JSON(parsing: storage.array(in: 0..<storage.count))
      if let object = value.objectValue { return object }
    } catch {
      throw ConversionError(path: path, problem: "\(error)")
    }
    throw ConversionError(path: path, problem: "is not a JSON object")
  }
}
