/// A provider whose bytes are made in whole blocks: elements, or groups of them.
public protocol BlockProvider: ByteProvider {
  /// The bytes of one block.
  var blockBytes: Int { get }

  /// Writes whole blocks from a block on, as many as fit `target`.
  func fillBlocks(_ target: inout MutableRawSpan, from block: Int)
}

extension BlockProvider {
  /// Writes any bytes: where they start or end within a block, by way of the blocks around them.
  public func fill(_ target: inout MutableRawSpan, from offset: Int) {
    let first = offset / blockBytes
    guard offset % blockBytes != 0 || target.byteCount % blockBytes != 0 else {
      return fillBlocks(&target, from: first)
    }
    let end = (offset + target.byteCount + blockBytes - 1) / blockBytes
    let count = target.byteCount
    unsafe ChunkBuffers.withBuffer(of: (end - first) * blockBytes) { blocks in
      var whole = unsafe blocks.mutableBytes
      fillBlocks(&whole, from: first)
      let start = offset - first * blockBytes
      let part = unsafe UnsafeRawBufferPointer(rebasing: blocks[start..<start + count])
      unsafe target.withUnsafeMutableBytes { unsafe $0.copyMemory(from: part) }
    }
  }
}
