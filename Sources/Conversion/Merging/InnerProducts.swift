internal import Numerics
internal import Synchronization
internal import TensorCore

/// The inner products of two tensors as vectors, in float64.
struct InnerProducts: Sendable {
  /// `a · a`.
  private(set) var aa = 0.0
  /// `a · b`.
  private(set) var ab = 0.0
  /// `b · b`.
  private(set) var bb = 0.0

  /// Elements whose sums are added up by themselves, so that the threads do not change a bit.
  private static let piece = 1 << 20
  private static let strip = 1 << 14

  /// Reads two tensors of one shape.
  init(_ a: TensorView, _ b: TensorView) {
    let count = a.shape.elementCount
    let pieces = (count + Self.piece - 1) / Self.piece
    let sums = Mutex([InnerProducts](repeating: InnerProducts(), count: pieces))
    Parallel.forEach(pieces) { place in
      let first = place * Self.piece
      let sum = InnerProducts(a, b, first..<min(first + Self.piece, count))
      sums.withLock { $0[place] = sum }
    }
    for sum in sums.withLock({ $0 }) {
      aa += sum.aa
      ab += sum.ab
      bb += sum.bb
    }
  }

  private init() {}

  private init(_ a: TensorView, _ b: TensorView, _ elements: Range<Int>) {
    Scratch.withFloats(2 * Self.strip) { left in
      let right = left + Self.strip
      for first in stride(from: elements.lowerBound, to: elements.upperBound, by: Self.strip) {
        let part = first..<min(first + Self.strip, elements.upperBound)
        a.load(part, into: left)
        b.load(part, into: right)
        for index in 0..<part.count {
          let (x, y) = (Double(left[index]), Double(right[index]))
          aa += x * x
          ab += x * y
          bb += y * y
        }
      }
    }
  }
}

extension TensorView {
  /// Widens some elements of a decodable type. A run may start and end within a block.
  func load(_ elements: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let type = elementType
    let start = elements.lowerBound / type.blockElements * type.blockElements
    let end =
      (elements.upperBound + type.blockElements - 1) / type.blockElements * type.blockElements
    storage.withBytes(in: bytes(of: start..<end)) { bytes in
      guard start < elements.lowerBound || end > elements.upperBound else {
        return ElementConversion.toFloats(
          bytes, type: type,
          into: UnsafeMutableBufferPointer(start: target, count: elements.count))
      }
      Scratch.withFloats(end - start) { whole in
        ElementConversion.toFloats(
          bytes, type: type, into: UnsafeMutableBufferPointer(start: whole, count: end - start))
        target.update(from: whole + (elements.lowerBound - start), count: elements.count)
      }
    }
  }

  /// Where elements that are whole blocks lie in the storage.
  func bytes(of elements: Range<Int>) -> Range<Int> {
    let first = byteRange.lowerBound
    return first + elementType.byteCount(of: elements.lowerBound)..<first
      + elementType.byteCount(of: elements.upperBound)
  }
}
