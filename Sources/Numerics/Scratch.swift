internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// Memory for what lives within one operation: returned buffers are kept for the next operation, so
/// that the kernel need not clear the same pages for every layer.
package enum Scratch {
  /// A kept buffer; an address is Sendable, a pointer is not.
  private struct Buffer {
    let address: UInt
    let byteCount: Int
  }

  private static let kept = Mutex<[Buffer]>([])
  /// The most that is kept: the buffers of one large convolution and of the products around it.
  private static let keptBytes = 192 << 20

  /// Lends room for `count` floats, not initialised.
  package static func withFloats<Result>(
    _ count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> Result
  ) rethrows -> Result {
    let buffer = take(max(count, 1) * MemoryLayout<Float>.stride)
    defer { give(buffer) }
    guard let pointer = UnsafeMutableRawPointer(bitPattern: buffer.address) else {
      preconditionFailure("memory at address 0")
    }
    return try body(pointer.bindMemory(to: Float.self, capacity: count))
  }

  /// The smallest kept buffer that is large enough, or a new one.
  private static func take(_ byteCount: Int) -> Buffer {
    let found = kept.withLock { buffers -> Buffer? in
      buffers.indices.filter { buffers[$0].byteCount >= byteCount }
        .min { buffers[$0].byteCount < buffers[$1].byteCount }
        .map { buffers.remove(at: $0) }
    }
    if let found { return found }
    let rounded = (byteCount + HugePages.size - 1) / HugePages.size * HugePages.size
    let isLarge = byteCount >= HugePages.size
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: isLarge ? rounded : byteCount, alignment: isLarge ? HugePages.size : 64)
    HugePages.advise(memory)
    return Buffer(address: UInt(bitPattern: memory.baseAddress), byteCount: memory.count)
  }

  /// Keeps a buffer and frees the ones that were kept longest, down to the limit.
  private static func give(_ buffer: Buffer) {
    let surplus = kept.withLock { buffers -> [Buffer] in
      buffers.append(buffer)
      var total = buffers.reduce(0) { $0 + $1.byteCount }
      var dropped = 0
      while total > keptBytes {
        total -= buffers[dropped].byteCount
        dropped += 1
      }
      let surplus = Array(buffers[..<dropped])
      buffers.removeFirst(dropped)
      return surplus
    }
    for buffer in surplus { UnsafeMutableRawPointer(bitPattern: buffer.address)?.deallocate() }
  }
}

/// Pages of 2 MB, where the system has them on request: fewer page faults on fresh memory.
enum HugePages {
  static let size = 2 << 20

  /// Asks for huge pages under the whole of them that lie in a buffer.
  static func advise(_ buffer: UnsafeMutableRawBufferPointer) {
    #if os(Linux)
      guard let base = buffer.baseAddress, buffer.count >= 2 * size else { return }
      let start = base.alignedUp(toMultipleOf: size)
      let bytes = (base + buffer.count - start) / size * size
      // Advice only: without huge pages everything works as before.
      _ = madvise(start, bytes, MADV_HUGEPAGE)
    #endif
  }
}
