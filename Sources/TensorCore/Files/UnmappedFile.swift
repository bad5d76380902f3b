#if canImport(Glibc)
  internal import Glibc
#endif

/// A whole file that is read with `pread` and not mapped: on some network disks mapping is 30 to 50
/// times slower than reading in order.
final class UnmappedFile: ByteProvider {
  let count: Int
  private let path: String
  private let descriptor: Int32

  /// Opens a regular file.
  ///
  /// - Throws: `FileError` when the file is missing, unreadable, or not a regular file.
  init(path: String) throws(FileError) {
    (descriptor, count) = try MappedFile.open(path)
    self.path = path
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  deinit { close(descriptor) }

  func fill(_ target: inout MutableRawSpan, from offset: Int) {
    unsafe target.withUnsafeMutableBytes { target in
      var done = 0
      while done < target.count {
        let length = target.count - done
        let found = unsafe pread(
          descriptor, target.baseAddress.map { unsafe $0 + done }, length, off_t(offset + done))
        if found < 0 && errno == EINTR { continue }
        guard found > 0 else {
          MappingGuard.note(
            found < 0 ? FileError(.read, path: path, code: errno) : FileError(.shrank, path: path))
          unsafe UnsafeMutableRawBufferPointer(rebasing: target[done...])
            .initializeMemory(as: UInt8.self, repeating: 0)
          return
        }
        done += found
      }
    }
  }

  func advise(_ advice: MappedFile.Advice, range: Range<Int>) {
    let flag: Int32
    switch advice {
    case .sequential: flag = POSIX_FADV_SEQUENTIAL
    case .scattered: flag = POSIX_FADV_RANDOM
    case .willNeed: flag = POSIX_FADV_WILLNEED
    // The bytes are in nobody's memory but the system's cache, where another may want them.
    case .dontNeed: return
    }
    _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), flag)
  }
}
