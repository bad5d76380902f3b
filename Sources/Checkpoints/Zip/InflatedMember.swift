internal import Synchronization
internal import TensorCore

/// The contents of a deflated member, found sound before, inflated again as they are asked for.
/// Cheap from front to back; going back starts at the front.
final class InflatedMember: ByteProvider {
  let count: Int
  private let storage: ByteStorage
  private let range: Range<Int>
  private let inflater: Mutex<Inflater>

  init(_ member: ZipMember, in storage: ByteStorage) {
    count = member.size
    range = member.range
    self.storage = storage
    inflater = Mutex(Inflater(storage, member.range))
  }

  func fill(_ target: inout MutableRawSpan, from offset: Int) {
    unsafe target.withUnsafeMutableBytes { target in
      // As numbers: pointers may not enter the lock.
      let (address, count) = (UInt(bitPattern: target.baseAddress), target.count)
      inflater.withLock { inflater in
        if inflater.position > offset { inflater = Inflater(storage, range) }
        Self.skip(to: offset, inflater: &inflater)
        let start = unsafe UnsafeMutableRawPointer(bitPattern: address)
        let target = unsafe UnsafeMutableRawBufferPointer(start: start, count: count)
        let given = unsafe inflater.read(into: target)
        // Sound when it was checked: the file has changed since, which `MappingGuard` notices.
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[given...])
          .initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
  }

  private static func skip(to offset: Int, inflater: inout Inflater) {
    unsafe withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 64) { spare in
      while inflater.position < offset {
        let length = min(offset - inflater.position, spare.count)
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: spare[..<length])
        guard unsafe inflater.read(into: part) == length else { return }
      }
    }
  }
}
