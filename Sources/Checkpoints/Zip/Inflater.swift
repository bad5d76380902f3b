internal import CZlib
internal import TensorCore

/// A deflate stream (RFC 1951) that is inflated from front to back, a piece at a time. What comes
/// out before an error in it is given all the same; `isFinished` tells whether there was none.
@safe struct Inflater: ~Copyable {
  /// How the stream is wrapped, as zlib counts window bits.
  enum Wrapping: Int32 {
    case raw = -15
    case zlib = 15
    case gzip = 31
  }

  private let storage: ByteStorage
  private let range: Range<Int>
  /// On the heap, because zlib remembers its address; `nil` when zlib has no memory for it.
  private let stream: UnsafeMutablePointer<z_stream>?
  private var taken = 0
  private var isAtEnd = false
  private var isBroken = false
  /// How many bytes have come out.
  private(set) var position = 0

  private static let inputBytes = 1 << 18

  /// Where the stream ends, counted from the start of the range; `nil` as long as its end was not
  /// reached.
  var end: Int? { isAtEnd ? taken : nil }

  /// Starts at the front of the stream in a range of some bytes.
  init(_ storage: ByteStorage, _ range: Range<Int>, wrapping: Wrapping = .raw) {
    self.storage = storage
    self.range = range
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    if unsafe inflateInit2_(stream, wrapping.rawValue, ZLIB_VERSION, size) == Z_OK {
      unsafe self.stream = unsafe stream
    } else {
      unsafe stream.deallocate()
      unsafe self.stream = nil
    }
  }

  deinit {
    if let stream = unsafe stream {
      unsafe inflateEnd(stream)
      unsafe stream.deallocate()
    }
  }

  /// Inflates the next bytes: as many as fit, fewer when the stream is broken or ends. Returns how
  /// many.
  mutating func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    guard let stream = unsafe stream else { return 0 }
    var given = 0
    while given < target.count, !isAtEnd, !isBroken {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[given...])
      given += unsafe step(stream, into: rest)
    }
    position += given
    return given
  }

  /// Whether the stream ends here, sound and with nothing behind it.
  mutating func isFinished() -> Bool {
    guard let stream = unsafe stream else { return false }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { spare in
      while !isAtEnd {
        guard unsafe step(stream, into: spare) == 0, !isBroken else { return false }
      }
      return taken == range.count
    }
  }

  /// One call of zlib's: how many bytes it gave. Getting nowhere is an error too.
  private mutating func step(
    _ stream: UnsafeMutablePointer<z_stream>, into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    // Zlib counts in 32 bits.
    let room = min(target.count, 1 << 30)
    let start = range.lowerBound + taken
    let input = start..<min(start + Self.inputBytes, range.upperBound)
    let (result, left) = storage.withBytes(in: input) { source in
      unsafe source.withUnsafeBytes { source in
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.pointee.avail_in = UInt32(source.count)
        unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(room)
        return unsafe (inflate(stream, Z_NO_FLUSH), Int(stream.pointee.avail_in))
      }
    }
    let given = unsafe room - Int(stream.pointee.avail_out)
    let used = input.count - left
    taken += used
    isAtEnd = result == Z_STREAM_END
    isBroken = !isAtEnd && (result != Z_OK || (used, given) == (0, 0))
    return given
  }
}
