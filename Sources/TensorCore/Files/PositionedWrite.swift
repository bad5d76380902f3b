#if canImport(Glibc)
  internal import Glibc
#endif

/// Writing at a place of a file.
enum PositionedWrite {
  /// Writes all bytes at `offset`, which does not move the file's own position.
  ///
  /// - Parameter path: what the error names.
  /// - Returns: why it failed: a full disk, a limit; `nil` when all is written.
  static func failure(
    writing bytes: RawSpan, to descriptor: Int32, at offset: Int, path: String
  ) -> FileError? {
    var done = 0
    while done < bytes.byteCount {
      let part = bytes.extracting(droppingFirst: done)
      let written = unsafe part.withUnsafeBytes {
        unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset + done))
      }
      if written < 0 {
        if errno == EINTR { continue }
        return FileError(.write, path: path, code: errno)
      }
      done += written
    }
    return nil
  }
}
