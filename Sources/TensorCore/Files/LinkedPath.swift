#if canImport(Glibc)
  internal import Glibc
#endif

/// Where a path leads when its last part is a symbolic link.
enum LinkedPath {
  /// As many as Linux follows.
  private static let limit = 40

  /// The path that the links at `path` lead to in the end; what it names need not be there. A path
  /// that is no link is kept as it is.
  ///
  /// An output is put where its link points, as `cp` and the shell do, so that a link to another
  /// disk stays one.
  ///
  /// - Throws: `FileError` when links lead to links too often.
  static func resolving(_ path: String) throws(FileError) -> String {
    var place = path
    for _ in 0..<limit {
      guard let target = target(of: place) else { return place }
      if target.hasPrefix("/") {
        place = target
      } else {
        let folder = place.lastIndex(of: "/").map { place[...$0] } ?? ""
        place = folder + target
      }
    }
    throw FileError(.create, path: path, code: ELOOP)
  }

  private static func target(of path: String) -> String? {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = unsafe bytes.withUnsafeMutableBytes { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe readlink(path, start.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    bytes.removeSubrange(max(length, 0)...)
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
