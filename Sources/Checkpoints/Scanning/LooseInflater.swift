internal import CZlib
internal import TensorCore

/// Inflates as much of a deflate stream as is sound, up to a limit. (`Inflater` is the strict one.)
enum LooseInflater {
  /// How the stream is wrapped, as zlib counts window bits.
  enum Wrapping: Int32 {
    case raw = -15
    case gzip = 31
  }

  /// What was inflated.
  struct Result {
    var bytes: [UInt8] = []
    /// Where the stream ends in the source; `nil` when its end was not reached.
    var end: Int?
  }

  /// The bytes that the stream gives before its end, an error in it, or the limit.
  static func inflate(_ region: ScanRegion, _ wrapping: Wrapping, limit: Int) -> Result {
    var output = Result()
    var stream = unsafe z_stream()
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    guard unsafe inflateInit2_(&stream, wrapping.rawValue, ZLIB_VERSION, size) == Z_OK else {
      return output
    }
    defer { unsafe inflateEnd(&stream) }
    var position = 0
    var isOpen = true
    var buffer = [UInt8](repeating: 0, count: min(limit, 1 << 16))
    guard !buffer.isEmpty else { return output }
    while isOpen, position < region.count, output.bytes.count < limit {
      let part = region.part(position..<position + (1 << 16))
      position += part.count
      region.storage.withBytes(in: part.range) { source in
        unsafe source.withUnsafeBytes { source in
          unsafe stream.next_in = UnsafeMutablePointer(
            mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
          unsafe stream.avail_in = UInt32(source.count)
          while isOpen, output.bytes.count < limit {
            let space = min(buffer.count, limit - output.bytes.count)
            let result = unsafe buffer.withUnsafeMutableBufferPointer { target in
              unsafe stream.next_out = target.baseAddress
              unsafe stream.avail_out = UInt32(space)
              return unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
            }
            let given = space - Int(unsafe stream.avail_out)
            output.bytes.append(contentsOf: buffer[..<given])
            isOpen = result == Z_OK || result == Z_BUF_ERROR
            if result == Z_STREAM_END { output.end = position - Int(unsafe stream.avail_in) }
            if given == 0 { break }
          }
        }
      }
    }
    return output
  }
}
