internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#endif

/// Appends to a file past the system's page cache (`O_DIRECT`): buffers of whole blocks go straight
/// to the disk, a few at a time, each on a thread of its own, while the next is filled.
///
/// To copy gigabytes into the cache, and have the system write them from there, takes more processor
/// time than most of what is done to them, and drives out what other programs had in it. The price:
/// whoever reads the file next reads it from the disk.
final class DirectWriter {
  /// The bytes of one buffer, a whole number of any disk's blocks.
  static let bufferBytes = 1 << 21
  /// The boundary, in the file and in memory, that every disk accepts.
  private static let alignment = 4096
  /// One buffer is filled while the others are on their way.
  private static let depth = 4

  private struct Buffer {
    /// As a number: pointers may not cross from one thread to another.
    let address: UInt
    /// What its last use still does, and in the end the error that it met.
    var write: Background<FileError?>?
  }

  private let descriptor: Int32
  private let path: String
  private var buffers: [Buffer] = []
  /// The buffer that is being filled.
  private var current = 0
  /// Where its first byte belongs in the file.
  private var base = 0
  private var filled = 0
  /// What is to be written over bytes that have left already.
  private var patches: [(offset: Int, bytes: [UInt8])] = []

  /// The number of bytes appended so far.
  var position: Int { base + filled }

  /// Prepares to append to an empty file; `nil` where its file system always goes through the
  /// cache.
  ///
  /// - Parameter path: what errors name.
  init?(descriptor: Int32, path: String) {
    guard assay_set_direct(descriptor, true) else { return nil }
    self.descriptor = descriptor
    self.path = path
    for _ in 0..<Self.depth {
      let memory = UnsafeMutableRawPointer.allocate(
        byteCount: Self.bufferBytes, alignment: Self.alignment)
      buffers.append(Buffer(address: UInt(bitPattern: memory)))
    }
  }

  deinit {
    // The disk may still be reading from them.
    abandon()
    for buffer in buffers {
      unsafe UnsafeMutableRawPointer(bitPattern: buffer.address)?.deallocate()
    }
  }

  /// Appends bytes.
  ///
  /// - Throws: `FileError` when one of the writes so far failed.
  func append(_ bytes: RawSpan) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let part = rest.extracting(first: min(rest.byteCount, Self.bufferBytes - filled))
      fill(filled, with: part)
      filled += part.byteCount
      rest = rest.extracting(droppingFirst: part.byteCount)
      if filled == Self.bufferBytes { try advance() }
    }
  }

  /// Writes over bytes that were appended before.
  func overwrite(_ bytes: RawSpan, at offset: Int) {
    let gone = max(0, min(base - offset, bytes.byteCount))
    if gone > 0 {
      let early = bytes.extracting(first: gone)
      patches.append((offset, unsafe early.withUnsafeBytes { unsafe Array($0) }))
    }
    let late = bytes.extracting(droppingFirst: gone)
    if !late.isEmpty { fill(offset + gone - base, with: late) }
  }

  /// Takes back what was appended behind `offset`.
  ///
  /// - Throws: `FileError` when one of the writes so far failed, or what lies before `offset` cannot
  ///   be read back.
  func rewind(to offset: Int) throws(FileError) {
    if offset < base {
      try wait()
      try patch()
      // Whole blocks again: what remains of a block that had left comes back.
      base = offset / Self.alignment * Self.alignment
      let found = unsafe pread(descriptor, start(of: current), Self.alignment, off_t(base))
      guard found >= offset - base else {
        throw FileError(.write, path: path, code: found < 0 ? errno : EIO)
      }
    }
    filled = offset - base
  }

  /// Writes what is left, through the cache, since it need not be whole blocks, and waits for all
  /// that is under way. The writer takes nothing further.
  ///
  /// - Throws: `FileError` when one of the writes failed.
  func finish() throws(FileError) {
    try wait()
    let rest = unsafe UnsafeRawBufferPointer(start: start(of: current), count: filled)
    patches.append((base, unsafe Array(rest)))
    try patch()
    _ = assay_set_direct(descriptor, false)
  }

  /// Waits until nothing is written any more, so that the file can be closed.
  func abandon() {
    for buffer in buffers { _ = try? buffer.write?.value }
  }

  /// Sends the full buffer off and takes the one that was sent longest ago.
  private func advance() throws(FileError) {
    let (descriptor, path, offset) = (descriptor, path, base)
    let address = buffers[current].address
    buffers[current].write = Background {
      let bytes = unsafe UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: address), count: Self.bufferBytes)
      let failure = unsafe PositionedWrite.failure(
        writing: bytes.bytes, to: descriptor, at: offset, path: path)
      guard failure?.code == EINVAL else { return failure }
      // The file system promised more than it keeps: through the cache, then.
      _ = assay_set_direct(descriptor, false)
      return unsafe PositionedWrite.failure(
        writing: bytes.bytes, to: descriptor, at: offset, path: path)
    }
    base += Self.bufferBytes
    filled = 0
    current = (current + 1) % Self.depth
    try settle(current)
  }

  private func wait() throws(FileError) {
    for place in buffers.indices { try settle(place) }
  }

  /// Writes over what is on the disk, through the cache.
  private func patch() throws(FileError) {
    _ = assay_set_direct(descriptor, false)
    for patch in patches {
      let failure = unsafe PositionedWrite.failure(
        writing: patch.bytes.span.bytes, to: descriptor, at: patch.offset, path: path)
      if let failure { throw failure }
    }
    patches = []
    _ = assay_set_direct(descriptor, true)
  }

  /// Waits for the last write from a buffer.
  private func settle(_ place: Int) throws(FileError) {
    let write = buffers[place].write
    buffers[place].write = nil
    if let failure = try? write?.value { throw failure }
  }

  private func start(of place: Int) -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: buffers[place].address)
  }

  private func fill(_ offset: Int, with bytes: RawSpan) {
    precondition(offset >= 0 && bytes.byteCount <= Self.bufferBytes - offset, "beyond the buffer")
    unsafe bytes.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      unsafe start(of: current)?.advanced(by: offset)
        .copyMemory(from: source, byteCount: bytes.count)
    }
  }
}
