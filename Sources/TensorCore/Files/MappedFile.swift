#if canImport(Glibc)
  internal import Glibc
#endif

/// A whole file mapped read-only and private; unmapped when the value ends.
///
/// A file that shrinks while it is mapped does not crash the process: see `MappingGuard`.
@safe public struct MappedFile: ~Copyable {
  /// How a range of the mapping will be used.
  public enum Advice: Sendable {
    /// Read once, from front to back.
    case sequential
    /// Read soon: start fetching it.
    case willNeed
    /// Read in parts that lie apart: fetch nothing beyond what is asked for.
    case scattered
    /// Not needed for now: the pages may be dropped (they are read again on use).
    case dontNeed
  }

  /// The mapped bytes; valid while the value lives.
  @unsafe let bytes: UnsafeRawBufferPointer

  /// Maps a regular file.
  ///
  /// - Throws: `FileError` when the file is missing, unreadable, not a regular file, or cannot be
  ///   mapped. An empty file maps to zero bytes.
  public init(path: String) throws(FileError) {
    let (descriptor, count) = try Self.open(path)
    defer { close(descriptor) }
    guard count > 0 else {
      unsafe bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw FileError(.map, path: path, code: errno)
    }
    unsafe bytes = unsafe UnsafeRawBufferPointer(start: address, count: count)
    unsafe MappingGuard.watch(bytes, path: path)
  }

  /// Opens a regular file for reading and returns its size with it.
  static func open(_ path: String) throws(FileError) -> (descriptor: Int32, count: Int) {
    // Without waiting: a named pipe that nobody writes to would hold the open for ever.
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    var status = stat()
    let error: FileError? =
      if unsafe fstat(descriptor, &status) != 0 {
        FileError(.read, path: path, code: errno)
      } else if status.st_mode & S_IFMT != S_IFREG {
        FileError(status.st_mode & S_IFMT == S_IFDIR ? .isFolder : .notRegular, path: path)
      } else {
        nil
      }
    if let error {
      close(descriptor)
      throw error
    }
    return (descriptor, Int(status.st_size))
  }

  deinit {
    guard let address = unsafe bytes.baseAddress else { return }
    unsafe MappingGuard.unwatch(bytes)
    unsafe munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
  }

  /// Tells the kernel how a range will be used. A hint only: errors are ignored.
  public func advise(_ advice: Advice, range: Range<Int>) {
    guard let base = unsafe bytes.baseAddress, !range.isEmpty else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    // Dropping pages must not touch a neighbour's: round inwards; otherwise outwards.
    let start: Int
    let end: Int
    switch advice {
    case .dontNeed:
      start = (range.lowerBound + page - 1) / page * page
      end = range.upperBound / page * page
    case .sequential, .willNeed, .scattered:
      start = range.lowerBound / page * page
      end = range.upperBound
    }
    guard start < end else { return }
    let flag =
      switch advice {
      case .sequential: MADV_SEQUENTIAL
      case .willNeed: MADV_WILLNEED
      case .scattered: MADV_RANDOM
      case .dontNeed: MADV_DONTNEED
      }
    _ = unsafe madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, flag)
  }
}
