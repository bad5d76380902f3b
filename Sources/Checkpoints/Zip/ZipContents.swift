internal import Synchronization
internal import TensorCore

/// The contents of a zip archive's members. No byte is handed out before its member's checksum was
/// found right; each member is checked once, when it is first wanted.
final class ZipContents: Sendable {
  let archive: ZipArchive
  private let storage: ByteStorage
  private let state = Mutex(State())

  private struct State {
    /// The header offsets of stored members whose checksum is right.
    var checked: Set<Int> = []
    /// The member inflated last: tensors that share a storage come one after the other.
    var inflated: (headerOffset: Int, bytes: ByteStorage)?
  }

  init(_ storage: ByteStorage) throws(ZipProblem) {
    self.storage = storage
    archive = try ZipArchive(storage)
  }

  /// Deflated members of at most so many bytes are kept in memory, others inflated as they are read.
  private static let memoryLimit = 1 << 22

  /// Where a member's contents are: the mapping itself for a stored member; for a deflated one,
  /// memory or a provider.
  func contents(of member: ZipMember) throws(ZipProblem) -> (ByteStorage, Range<Int>) {
    guard member.isDeflated else {
      if !state.withLock({ $0.checked.contains(member.headerOffset) }) {
        try Self.check(CRC32.checksum(of: storage, in: member.range), member)
        state.withLock { _ = $0.checked.insert(member.headerOffset) }
      }
      return (storage, member.range)
    }
    let known: ByteStorage? = state.withLock { state in
      state.inflated?.headerOffset == member.headerOffset ? state.inflated?.bytes : nil
    }
    if let known { return (known, 0..<known.count) }
    let bytes = try inflate(member)
    state.withLock { $0.inflated = (member.headerOffset, bytes) }
    return (bytes, 0..<bytes.count)
  }

  /// The first bytes of a member's contents, at most `count`, for a look at what it holds. They
  /// are not checked: the checksum is of the whole.
  func start(of member: ZipMember, count: Int) throws(ZipProblem) -> [UInt8] {
    let count = min(count, member.size)
    guard member.isDeflated else {
      return storage.array(in: member.range.lowerBound..<member.range.lowerBound + count)
    }
    var target = [UInt8](repeating: 0, count: count)
    var inflater = Inflater(storage, member.range)
    let given = unsafe target.withUnsafeMutableBytes { unsafe inflater.read(into: $0) }
    guard given == count else { throw .deflate(member: member.name, claimed: member.size) }
    return target
  }

  /// A member's contents as an array.
  func array(of member: ZipMember) throws(ZipProblem) -> [UInt8] {
    let (storage, range) = try contents(of: member)
    return storage.array(in: range)
  }

  private static func check(_ found: UInt32, _ member: ZipMember) throws(ZipProblem) {
    guard found == member.checksum else {
      throw .checksum(member: member.name, expected: member.checksum, found: found)
    }
  }

  /// Inflates a member once, to find out that it is sound and exactly as long as the directory
  /// claims; never more than that. The directory's reader bounded the claim.
  private func inflate(_ member: ZipMember) throws(ZipProblem) -> ByteStorage {
    var inflater = Inflater(storage, member.range)
    var crc = CRC32()
    let result: ByteStorage
    if member.size <= Self.memoryLimit {
      result = ByteStorage(count: member.size) { target in
        _ = unsafe target.withUnsafeMutableBytes { unsafe inflater.read(into: $0) }
      }
      result.withBytes(in: 0..<member.size) { crc.update($0) }
    } else {
      var piece = [UInt8](repeating: 0, count: ByteStorage.chunkBytes)
      var given = -1
      while inflater.position < member.size, given != 0 {
        let length = min(piece.count, member.size - inflater.position)
        given = unsafe piece.withUnsafeMutableBytes {
          unsafe inflater.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<length]))
        }
        unsafe crc.update(piece.span.bytes.extracting(first: given))
      }
      result = ByteStorage(InflatedMember(member, in: storage))
    }
    guard inflater.position == member.size, inflater.isFinished() else {
      throw .deflate(member: member.name, claimed: member.size)
    }
    try Self.check(crc.checksum, member)
    return result
  }
}
