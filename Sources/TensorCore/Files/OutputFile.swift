internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#endif

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary file beside the target; `commit()` flushes it to the disk and renames it
/// into place. A value that ends without `commit()` removes the temporary file and leaves whatever
/// was at the target untouched.
public struct OutputFile: ~Copyable {
  /// The path that the finished file will have.
  public let path: String
  /// The number of bytes appended so far.
  public var position: Int { direct?.position ?? flushed + pending.count }

  /// Where the links at `path` lead.
  private let target: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var flushed = 0
  private var pending: [UInt8] = []
  /// Where the part ends that the disk was told to write.
  private var handedOver = 0
  private var isSealed = false
  /// Takes everything while a long file is written from front to back.
  private var direct: DirectWriter?

  /// Files of this size and more are written past the page cache.
  static let directBytes = 1 << 26
  private static let bufferSize = 1 << 20
  private static let writebackBytes = 1 << 25

  /// Starts a file that will replace the one at `path`, or the one that a link there points to.
  ///
  /// - Throws: `FileError` when the target is a folder or a device, the path is empty, or its
  ///   folder cannot be written.
  public init(replacing path: String) throws(FileError) {
    guard !path.isEmpty else { throw FileError(.create, path: "''", code: ENOENT) }
    var status = stat()
    // A rename would put a plain file in the place of a device: `-o /dev/null` as root.
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw FileError(status.st_mode & S_IFMT == S_IFDIR ? .isFolder : .notRegular, path: path)
    }
    let target = try LinkedPath.resolving(path)
    let temporary = TemporaryPaths.reserve(beside: target)
    let descriptor = unsafe open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      TemporaryPaths.forget(temporary)
      throw FileError(.create, path: path, code: errno)
    }
    self.path = path
    self.target = target
    self.temporaryPath = temporary
    self.descriptor = descriptor
    pending.reserveCapacity(Self.bufferSize)
  }

  deinit {
    direct?.abandon()
    close(descriptor)
    if !isSealed {
      unsafe unlink(temporaryPath)
      TemporaryPaths.forget(temporaryPath)
    }
  }

  /// Writes a small file, whole or not at all.
  ///
  /// - Throws: `FileError` when it cannot be written.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    var file = try OutputFile(replacing: path)
    try unsafe file.write(bytes.span.bytes)
    try file.commit()
  }

  /// Whether something stands at a path.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0
  }

  /// Removes a file, if it is there.
  ///
  /// - Throws: `FileError` when it cannot be removed.
  public static func remove(_ path: String) throws(FileError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else {
      throw FileError(.write, path: path, code: errno)
    }
  }

  /// Announces how long the file is going to be, about, before anything is written. The disk can
  /// then set aside one run of blocks for it, and a long file goes past the page cache
  /// (`DirectWriter`). It may become longer or shorter.
  public mutating func reserve(byteCount: Int) {
    reserve(byteCount: byteCount, directFrom: Self.directBytes)
  }

  mutating func reserve(byteCount: Int, directFrom limit: Int) {
    precondition(position == 0, "announced too late")
    assay_reserve_file(descriptor, Int64(byteCount))
    if byteCount >= limit { direct = DirectWriter(descriptor: descriptor, path: path) }
  }

  /// Appends bytes.
  ///
  /// - Throws: `FileError` when the disk is full or fails.
  public mutating func write(_ bytes: RawSpan) throws(FileError) {
    if let direct { return try direct.append(bytes) }
    if pending.count + bytes.byteCount > Self.bufferSize { try flush() }
    if bytes.byteCount >= Self.bufferSize {
      try put(bytes, at: flushed)
      flushed += bytes.byteCount
      startWriteback()
    } else {
      unsafe bytes.withUnsafeBytes { unsafe pending.append(contentsOf: $0) }
    }
  }

  /// Appends a string as UTF-8.
  public mutating func write(_ text: String) throws(FileError) {
    try unsafe write(Array(text.utf8).span.bytes)
  }

  /// Appends zero bytes up to `offset`, which must not lie behind `position`.
  public mutating func pad(to offset: Int) throws(FileError) {
    precondition(offset >= position, "padding backwards")
    let zeros = [UInt8](repeating: 0, count: min(offset - position, 1 << 16))
    while position < offset {
      try unsafe write(zeros.span.bytes.extracting(first: min(offset - position, zeros.count)))
    }
  }

  /// Writes over bytes that were appended before (a header whose fields are known last).
  public mutating func overwrite(_ bytes: RawSpan, at offset: Int) throws(FileError) {
    precondition(offset >= 0 && offset + bytes.byteCount <= position, "overwriting past the end")
    if let direct { return direct.overwrite(bytes, at: offset) }
    try flush()
    try put(bytes, at: offset)
  }

  /// Takes back what was appended behind `offset`.
  public mutating func rewind(to offset: Int) throws(FileError) {
    precondition(offset >= 0 && offset <= position, "rewinding forwards")
    if let direct { return try direct.rewind(to: offset) }
    try flush()
    flushed = offset
    handedOver = min(handedOver, offset)
  }

  /// Makes the file durable and moves it to `path`.
  ///
  /// - Throws: `FileError` when the disk fails, or when a mapped input turned out to have shrunk
  ///   (`MappingGuard`): the output would hold zeros in place of its data.
  public consuming func commit() throws(FileError) {
    try seal().commit()
  }

  /// Makes the file durable and leaves it under its temporary path until it is committed.
  ///
  /// - Throws: as `commit()`.
  public consuming func seal() throws(FileError) -> SealedFile {
    let length = position
    if let direct { try direct.finish() } else { try flush() }
    // What was set aside and not used goes back, and what was taken back.
    guard ftruncate(descriptor, off_t(length)) == 0 else {
      throw FileError(.write, path: path, code: errno)
    }
    try MappingGuard.check()
    guard fsync(descriptor) == 0 else { throw FileError(.write, path: path, code: errno) }
    isSealed = true
    return SealedFile(path: path, target: target, temporaryPath: temporaryPath)
  }

  private mutating func flush() throws(FileError) {
    guard !pending.isEmpty else { return }
    try unsafe put(pending.span.bytes, at: flushed)
    flushed += pending.count
    pending.removeAll(keepingCapacity: true)
    startWriteback()
  }

  /// Lets the disk begin with what has been written, so that the last `fsync` has little to wait
  /// for. A hint: errors are ignored.
  private mutating func startWriteback() {
    guard flushed - handedOver >= Self.writebackBytes else { return }
    assay_start_writeback(descriptor, Int64(handedOver), Int64(flushed - handedOver))
    handedOver = flushed
  }

  private func put(_ bytes: RawSpan, at offset: Int) throws(FileError) {
    let failure = PositionedWrite.failure(writing: bytes, to: descriptor, at: offset, path: path)
    if let failure { throw failure }
  }
}
