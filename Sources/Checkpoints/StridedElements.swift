internal import TensorCore

/// Elements that do not lie one behind the other: a view that torch saved, an array in Fortran's
/// order. The reader has checked that all of them lie in the bytes that `gathered` is given.
struct StridedElements {
  let shape: TensorShape
  /// The distance from one element to the next of each dimension, in elements.
  let strides: [Int]
  /// Where the first element lies.
  let byteOffset: Int
  /// The bytes of an element.
  let width: Int

  /// A copy of the elements in row-major order.
  func gathered(from source: RawSpan) -> ByteStorage {
    ByteStorage(count: shape.elementCount * width) { target in
      unsafe source.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { target in
          switch width {
          case 1: unsafe gather(source, target, UInt8.self)
          case 2: unsafe gather(source, target, UInt16.self)
          case 4: unsafe gather(source, target, UInt32.self)
          case 8: unsafe gather(source, target, UInt64.self)
          case 16: unsafe gather(source, target, UInt128.self)
          default: preconditionFailure("no element is \(width) bytes wide")
          }
        }
      }
    }
  }

  private func gather<Element: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _: Element.Type
  ) {
    guard shape.elementCount > 0 else { return }
    let extents = shape.dimensions
    let outer = max(extents.count - 1, 0)
    let (last, step) = (extents.last ?? 1, (strides.last ?? 1) * width)
    var index = [Int](repeating: 0, count: outer)
    var row = byteOffset
    var place = 0
    while true {
      var from = row
      for _ in 0..<last {
        unsafe target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: from, as: Element.self), toByteOffset: place,
          as: Element.self)
        from += step
        place += width
      }
      var dimension = outer - 1
      while dimension >= 0 {
        index[dimension] += 1
        row += strides[dimension] * width
        if index[dimension] < extents[dimension] { break }
        row -= strides[dimension] * width * extents[dimension]
        index[dimension] = 0
        dimension -= 1
      }
      if dimension < 0 { return }
    }
  }
}

extension ElementType {
  /// The bytes that change places between byte orders; a complex number is two numbers.
  private var numberBytes: Int {
    switch self {
    case .complex64, .complex128: blockBytes / 2
    default: blockBytes
    }
  }

  /// A copy of big-endian numbers as little-endian ones.
  func swapped(_ bytes: RawSpan) -> ByteStorage {
    let width = numberBytes
    return ByteStorage(count: bytes.byteCount) { target in
      unsafe bytes.withUnsafeBytes { source in
        unsafe target.withUnsafeMutableBytes { target in
          for start in stride(from: 0, to: source.count, by: width) {
            for byte in 0..<width {
              unsafe target[start + byte] = unsafe source[start + width - 1 - byte]
            }
          }
        }
      }
    }
  }
}
