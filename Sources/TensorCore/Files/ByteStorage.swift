#if canImport(Glibc)
  internal import Glibc
#endif

/// The shared owner of a read-only run of bytes: a mapped file, or memory that a reader filled.
///
/// This is the project's one `@unchecked Sendable`: the bytes never change after `init`, and the
/// memory is released in `deinit` only, so any number of threads may read it.
@safe public final class ByteStorage: @unchecked Sendable {
  private let mapping: MappedFile?
  private let bytes: UnsafeRawBufferPointer

  /// The number of bytes.
  public var count: Int { unsafe bytes.count }

  /// Whether the bytes are a mapping of a file and so cost no anonymous memory.
  public let isMapped: Bool

  /// Takes over a mapping.
  public init(_ mapping: consuming MappedFile) {
    unsafe bytes = unsafe mapping.bytes
    self.mapping = consume mapping
    isMapped = true
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
    isMapped = false
    unsafe bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
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
    if !isMapped { unsafe bytes.baseAddress?.deallocate() }
  }

  /// Lends a range of the bytes. Traps when the range lies outside.
  public func withBytes<Result, Failure: Error>(
    in range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the storage")
    let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
    return try body(unsafe part.bytes)
  }

  /// Tells the kernel how a mapped range will be used; does nothing for memory.
  public func advise(_ advice: MappedFile.Advice, range: Range<Int>) {
    mapping?.advise(advice, range: range)
  }
}
