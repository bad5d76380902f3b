internal import TensorCore

/// Several tensors' bytes, one behind the other.
struct JoinedBytes: ByteProvider {
  let count: Int
  private let parts: [TensorView]

  init(_ parts: [TensorView]) {
    self.parts = parts
    count = parts.reduce(0) { $0 + $1.byteRange.count }
  }

  func fill(_ target: inout MutableRawSpan, from offset: Int) {
    target.withUnsafeMutableBytes { target in
      var start = 0
      var place = 0
      for part in parts where place < target.count {
        let end = start + part.byteRange.count
        defer { start = end }
        guard offset + place < end else { continue }
        let first = part.byteRange.lowerBound + offset + place - start
        let length = min(end - offset - place, target.count - place)
        part.storage.withBytes(in: first..<first + length) { bytes in
          bytes.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: target[place..<place + length])
              .copyMemory(from: $0)
          }
        }
        place += length
      }
    }
  }
}
