internal import Synchronization

/// Buffers of one chunk each, used again and again. Allocated and freed every time, with small
/// things that stay allocated in between, they would leave the heap full of holes that are a
/// little too small: hundreds of megabytes in a conversion.
enum ChunkBuffers {
  private static let free = Mutex<[UInt]>([])
  private static let alignment = 64

  /// Lends `count` bytes on a 64-byte boundary, not initialised.
  static func withBuffer<Result, Failure: Error>(
    of count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let isChunk = count <= ByteStorage.chunkBytes
    // As numbers: pointers may not cross from one thread to another.
    let known = isChunk ? free.withLock { $0.popLast() } : nil
    let address: UnsafeMutableRawPointer
    if let known, let reused = unsafe UnsafeMutableRawPointer(bitPattern: known) {
      unsafe address = unsafe reused
    } else {
      unsafe address = UnsafeMutableRawPointer.allocate(
        byteCount: isChunk ? ByteStorage.chunkBytes : count, alignment: alignment)
    }
    defer {
      if isChunk {
        let number = UInt(bitPattern: address)
        free.withLock { $0.append(number) }
      } else {
        unsafe address.deallocate()
      }
    }
    return try unsafe body(UnsafeMutableRawBufferPointer(start: address, count: count))
  }
}
