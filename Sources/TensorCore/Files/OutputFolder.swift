internal import Foundation

/// A folder that appears whole or not at all.
///
/// Files are written below `temporaryPath`, a folder beside the target; `commit()` renames it into
/// place. A value that ends without `commit()` removes everything it wrote.
public struct OutputFolder: ~Copyable {
  /// The path that the finished folder will have.
  public let path: String
  /// Where to write the files until then.
  public let temporaryPath: String
  /// Where the links at `path` lead.
  private let target: String
  private var isCommitted = false

  /// Starts a folder at `path`, which must not exist or be an empty folder, or a link to one.
  ///
  /// - Throws: `FileError` when something is there already, or the parent cannot be written.
  public init(creating path: String) throws(FileError) {
    guard !path.isEmpty else { throw FileError(.create, path: "''", code: ENOENT) }
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(.notFolder, path: path)
      }
      let contents = try? FileManager.default.contentsOfDirectory(atPath: path)
      guard contents?.isEmpty == true else { throw FileError(.notEmpty, path: path) }
    }
    let target = try LinkedPath.resolving(path)
    let temporary = TemporaryPaths.reserve(beside: target)
    guard unsafe mkdir(temporary, 0o777) == 0 else {
      let code = errno
      TemporaryPaths.forget(temporary)
      throw FileError(.create, path: path, code: code)
    }
    self.path = path
    self.target = target
    self.temporaryPath = temporary
  }

  deinit {
    if !isCommitted {
      try? FileManager.default.removeItem(atPath: temporaryPath)
      TemporaryPaths.forget(temporaryPath)
    }
  }

  /// The path for a file in a subfolder (made when missing): `unet/config.json`.
  public func file(_ relativePath: String) throws(FileError) -> String {
    let url = URL(filePath: temporaryPath).appending(path: relativePath)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    } catch {
      throw FileError(.create, path: "\(path)/\(relativePath)", code: errno)
    }
    return url.path(percentEncoded: false)
  }

  /// An error of a file in the folder, with the path that the file would have had.
  public func naming(_ error: FileError) -> FileError {
    guard error.path.hasPrefix(temporaryPath) else { return error }
    return FileError(
      error.operation, path: path + error.path.dropFirst(temporaryPath.count), code: error.code)
  }

  /// Moves the folder to `path`.
  public consuming func commit() throws(FileError) {
    try MappingGuard.check()
    guard unsafe rename(temporaryPath, target) == 0 else {
      throw FileError(.rename, path: path, code: errno)
    }
    isCommitted = true
    TemporaryPaths.forget(temporaryPath)
    Self.synchronise(folderOf: target)
  }

  /// Makes a rename durable. Best effort: some file systems cannot.
  static func synchronise(folderOf path: String) {
    let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
