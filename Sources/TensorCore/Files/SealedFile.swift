#if canImport(Glibc)
  internal import Glibc
#endif

/// A finished file that waits for its name: whole and on the disk, but under a temporary path. One
/// that ends without `commit()` is removed. A set of files appears together when all of them are
/// sealed before the first is committed.
public final class SealedFile {
  /// The path that the file will have.
  public let path: String
  private let target: String
  private let temporaryPath: String
  private var isCommitted = false

  /// - Parameter target: where the links at `path` lead.
  init(path: String, target: String, temporaryPath: String) {
    self.path = path
    self.target = target
    self.temporaryPath = temporaryPath
  }

  deinit {
    guard !isCommitted else { return }
    unsafe unlink(temporaryPath)
    TemporaryPaths.forget(temporaryPath)
  }

  /// Moves the file to `path`.
  ///
  /// - Throws: `FileError` when that is impossible.
  public func commit() throws(FileError) {
    guard !isCommitted else { return }
    guard unsafe rename(temporaryPath, target) == 0 else {
      throw FileError(.rename, path: path, code: errno)
    }
    isCommitted = true
    TemporaryPaths.forget(temporaryPath)
    OutputFolder.synchronise(folderOf: target)
  }
}
