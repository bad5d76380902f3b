internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// The shared owner of a read-only run of bytes: a mapped file, memory that a reader filled, or
/// bytes that are made when they are asked for.
///
/// This is the project's one `@unchecked Sendable`: the bytes never change after `init`, and the
/// memory is released in `deinit` only, so any number of threads may read it.
@safe public final class ByteStorage: @unchecked Sendable {
  private let mapping: MappedFile?
  private let bytes: UnsafeRawBufferPointer
  private let provider: (any ByteProvider)?
  /// Of a provider's bytes, the run that small reads took last.
  private let window = Mutex(Window())

  private struct Window {
    var start = 0
    var bytes: [UInt8] = []
  }

  private static let windowBytes = 1 << 16

  /// The number of bytes.
  public let count: Int

  /// Whether any range of the bytes can be lent at no cost: they are mapped or in memory.
  public var isInMemory: Bool { provider == nil }

  /// Whether the bytes are a mapping of a file and so cost no anonymous memory.
  public var isMapped: Bool { mapping != nil }

  /// Takes over a mapping.
  public init(_ mapping: consuming MappedFile) {
    unsafe bytes = unsafe mapping.bytes
    count = unsafe mapping.bytes.count
    self.mapping = consume mapping
    provider = nil
  }

  /// Allocates `count` bytes on a 64-byte boundary and lets `fill` write all of them.
  public init<Failure: Error>(
    count: Int, fill: (inout MutableRawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(count, 1), alignment: 64)
    do {
      var span = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).mutableBytes
      try fill(&span)
    } catch {
      unsafe buffer.deallocate()
      throw error
    }
    mapping = nil
    provider = nil
    self.count = count
    unsafe bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }

  /// Bytes that a provider makes whenever they are lent.
  public init(_ provider: any ByteProvider) {
    mapping = nil
    self.provider = provider
    count = provider.count
    unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// The bytes of a file, mapped or read piece by piece.
  ///
  /// - Throws: `FileError` when the file is missing, unreadable, not a regular file, or cannot be
  ///   mapped.
  public convenience init(file path: String, isMapped: Bool = true) throws(FileError) {
    if isMapped {
      self.init(try MappedFile(path: path))
    } else {
      self.init(try UnmappedFile(path: path))
    }
  }

  /// Copies bytes.
  public convenience init(copying source: RawSpan) {
    self.init(count: source.byteCount) { target in
      unsafe source.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { unsafe $0.copyMemory(from: source) }
      }
    }
  }

  deinit {
    if mapping == nil { unsafe bytes.baseAddress?.deallocate() }
  }

  /// Lends a range of the bytes. Traps when the range lies outside.
  ///
  /// A provider's bytes are made for the call: ask for no more than can be in memory.
  public func withBytes<Result, Failure: Error>(
    in range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the storage")
    guard let provider else {
      let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
      return try body(unsafe part.bytes)
    }
    if let place = provider.storage(holding: range) {
      return try place.storage.withBytes(in: place.range, body)
    }
    return try unsafe ChunkBuffers.withBuffer(of: range.count) { buffer throws(Failure) in
      var span = unsafe buffer.mutableBytes
      provider.fill(&span, from: range.lowerBound)
      return try body(unsafe UnsafeRawBufferPointer(buffer).bytes)
    }
  }

  /// The little-endian number at `offset`, or `nil` when it would reach outside. Meant for headers
  /// and directories, whose fields lie close together.
  public func load<Number: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ type: Number.Type, at offset: Int
  ) -> Number? {
    let size = MemoryLayout<Number>.size
    guard offset >= 0, count - offset >= size else { return nil }
    guard let provider else {
      return Number(
        littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
    return window.withLock { window in
      if offset < window.start || offset + size > window.start + window.bytes.count {
        // Directories are read forwards, the end of an archive backwards.
        window.start = max(0, offset - Self.windowBytes / 4)
        let length = min(Self.windowBytes, count - window.start)
        window.bytes = unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
          var span = unsafe UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<length]
          ).mutableBytes
          provider.fill(&span, from: window.start)
          filled = length
        }
      }
      return Number(
        littleEndian: unsafe window.bytes.span.bytes.unsafeLoadUnaligned(
          fromByteOffset: offset - window.start, as: Number.self))
    }
  }

  /// A copy of a range of the bytes. Traps when the range lies outside.
  public func array(in range: Range<Int>) -> [UInt8] {
    withBytes(in: range) { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
  }

  /// Tells the kernel how a range of a file will be used; does nothing for memory.
  public func advise(_ advice: MappedFile.Advice, range: Range<Int>) {
    mapping?.advise(advice, range: range)
    provider?.advise(advice, range: range)
  }
}
