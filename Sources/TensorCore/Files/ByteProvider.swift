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
}

extension TensorView {
  /// How many bytes `forEachChunk` lends at a time: enough to make a call worth it, little enough
  /// to stay in the cache.
  public static let chunkBytes = 1 << 20

  /// Lends the tensor's bytes from front to back, a bounded run at a time, so that the whole tensor
  /// need not be in memory. Every run but the last has the same length, a whole number of blocks
  /// of the element type.
  ///
  /// - Throws: what `body` throws.
  public func forEachChunk<Failure: Error>(
    of limit: Int = TensorView.chunkBytes, _ body: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    // 16 elements of any width at least: runs start on a boundary that vectors like.
    let unit = elementType.blockBytes * 16
    let length = max(limit / unit, 1) * unit
    var start = byteRange.lowerBound
    while start < byteRange.upperBound {
      let end = min(start + length, byteRange.upperBound)
      try storage.withBytes(in: start..<end, body)
      start = end
    }
  }
}
