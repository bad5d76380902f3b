/// Bytes that are made when they are asked for: read from a file that is not mapped, or computed
/// from other bytes.
///
/// What is made must be the same each time. A failure is no reason to stop here, because most
/// readers could not go on from it: the provider fills in zeros and notes it in `MappingGuard`,
/// whose `check()` throws before any result is trusted.
public protocol ByteProvider: Sendable {
  /// The number of bytes.
  var count: Int { get }

  /// Writes the bytes from `offset` on, as many as fit `target`; all of them lie inside.
  func fill(_ target: inout MutableRawSpan, from offset: Int)

  /// Memory in which a range lies as it is, if there is any: then it need not be copied.
  func storage(holding range: Range<Int>) -> (storage: ByteStorage, range: Range<Int>)?

  /// Tells how a range will be used: a hint only.
  func advise(_ advice: MappedFile.Advice, range: Range<Int>)
}

extension ByteProvider {
  /// By default every byte is made for the one who asks.
  public func storage(holding range: Range<Int>) -> (storage: ByteStorage, range: Range<Int>)? {
    nil
  }

  /// By default nothing can be fetched before it is asked for.
  public func advise(_ advice: MappedFile.Advice, range: Range<Int>) {}
}

extension ByteStorage {
  /// How many bytes `forEachChunk` lends at a time: enough to make a call worth it, little enough
  /// to stay in the cache.
  public static let chunkBytes = 1 << 20

  /// Lends a range of the bytes from front to back, a bounded run at a time, so that the whole
  /// range need not be in memory. Every run but the last has the same length, `limit` rounded down
  /// to a multiple of `unit`.
  ///
  /// - Throws: what `body` throws.
  public func forEachChunk<Failure: Error>(
    in range: Range<Int>, of limit: Int = ByteStorage.chunkBytes, unit: Int = 1,
    _ body: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    let length = max(limit / unit, 1) * unit
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(start + length, range.upperBound)
      try withBytes(in: start..<end, body)
      start = end
    }
  }
}

extension TensorView {
  /// Lends the tensor's bytes from front to back, a bounded run of whole blocks of the element type
  /// at a time, so that the whole tensor need not be in memory.
  ///
  /// - Throws: what `body` throws.
  public func forEachChunk<Failure: Error>(
    of limit: Int = ByteStorage.chunkBytes, _ body: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    // 4096 elements at least: whole blocks of every type, and what figures are summed up by.
    let unit = 4096 / elementType.blockElements * elementType.blockBytes
    try storage.forEachChunk(in: byteRange, of: limit, unit: unit, body)
  }
}
