internal import CZlib
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

  /// Where a member's contents are: the mapping itself for a stored member, memory for a deflated
  /// one.
  func contents(of member: ZipMember) throws(ZipProblem) -> (ByteStorage, Range<Int>) {
    guard member.isDeflated else {
      if !state.withLock({ $0.checked.contains(member.headerOffset) }) {
        try Self.check(storage, member.range, member)
        state.withLock { _ = $0.checked.insert(member.headerOffset) }
      }
      return (storage, member.range)
    }
    let known: ByteStorage? = state.withLock { state in
      state.inflated?.headerOffset == member.headerOffset ? state.inflated?.bytes : nil
    }
    if let known { return (known, 0..<known.count) }
    let bytes = try inflate(member)
    try Self.check(bytes, 0..<bytes.count, member)
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
    let given = storage.withBytes(in: member.range) { source in
      unsafe source.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { unsafe Self.inflate(source, into: $0).given }
      }
    }
    guard given == count else { throw .deflate(member: member.name, claimed: member.size) }
    return target
  }

  /// A member's contents as an array.
  func array(of member: ZipMember) throws(ZipProblem) -> [UInt8] {
    let (storage, range) = try contents(of: member)
    return storage.array(in: range)
  }

  private static func check(
    _ storage: ByteStorage, _ range: Range<Int>, _ member: ZipMember
  ) throws(ZipProblem) {
    var crc = CRC32()
    storage.forEachChunk(in: range) { crc.update($0) }
    let found = crc.checksum
    guard found == member.checksum else {
      throw .checksum(member: member.name, expected: member.checksum, found: found)
    }
  }

  /// Inflates into memory of the size that the directory claims, which the directory's reader
  /// bounded, and never beyond it.
  private func inflate(_ member: ZipMember) throws(ZipProblem) -> ByteStorage {
    try storage.withBytes(in: member.range) { source throws(ZipProblem) in
      try ByteStorage(count: member.size) { target throws(ZipProblem) in
        let isComplete = unsafe source.withUnsafeBytes { source in
          unsafe target.withUnsafeMutableBytes { target in
            unsafe Self.inflate(source, into: target).isWhole
          }
        }
        guard isComplete else { throw .deflate(member: member.name, claimed: member.size) }
      }
    }
  }

  /// Inflates a raw deflate stream until `target` is full: how many bytes it gave, and whether it
  /// is sound, takes all of `source` and gives exactly `target`.
  private static func inflate(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) -> (given: Int, isWhole: Bool) {
    var stream = unsafe z_stream()
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    guard unsafe inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, size) == Z_OK else {
      return (0, false)
    }
    defer { unsafe inflateEnd(&stream) }
    // Zlib counts in 32 bits.
    let limit = 1 << 30
    var (taken, given) = (0, 0)
    while true {
      let available = (min(source.count - taken, limit), min(target.count - given, limit))
      unsafe stream.next_in = UnsafeMutablePointer(
        mutating: (source.baseAddress.map { unsafe $0 + taken })?.assumingMemoryBound(
          to: UInt8.self))
      unsafe stream.avail_in = UInt32(available.0)
      unsafe stream.next_out = (target.baseAddress.map { unsafe $0 + given })?
        .assumingMemoryBound(to: UInt8.self)
      unsafe stream.avail_out = UInt32(available.1)
      let result = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
      let progress = unsafe (
        available.0 - Int(stream.avail_in), available.1 - Int(stream.avail_out)
      )
      taken += progress.0
      given += progress.1
      if result == Z_STREAM_END {
        return (given, taken == source.count && given == target.count)
      }
      guard result == Z_OK, progress != (0, 0) else { return (given, false) }
    }
  }
}
