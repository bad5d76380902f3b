internal import TensorCore

/// Tensors whose numbers have the most significant byte first, turned round.
enum GGUFByteOrder {
  /// Whether the order of the type's bytes in such a file is known. In a block, the numbers of more
  /// than one byte are turned, as the gguf package's `gguf_convert_endian.py` does it; the fifth
  /// bits of Q5_0 and Q5_1 are one number to ggml and four bytes to the package.
  static func canSwap(_ type: ElementType) -> Bool { type != .q50 && type != .q51 }

  /// A tensor with the least significant byte of every number first.
  static func littleEndian(_ view: TensorView) -> TensorView {
    let fields = swappedFields(view.elementType)
    guard !fields.isEmpty else { return view }
    let bytes = TurnedBytes(view, fields: fields)
    return TensorView(
      description: view.description, storage: ByteStorage(bytes), byteRange: 0..<bytes.count)
  }

  /// The places in a block, or an element, of numbers of more than one byte.
  private static func swappedFields(_ type: ElementType) -> [Range<Int>] {
    switch type {
    case .q40, .q80: [0..<2]
    case .q41, .q4K, .q5K: [0..<2, 2..<4]
    case .q2K: [80..<82, 82..<84]
    case .q3K: [108..<110]
    case .q6K: [208..<210]
    case .q8K: [0..<4] + (0..<16).map { 260 + 2 * $0..<262 + 2 * $0 }
    default: type.blockBytes == 1 ? [] : [0..<type.blockBytes]
    }
  }
}

/// The bytes of a tensor with the bytes of some fields of every block in reverse.
private struct TurnedBytes: BlockProvider {
  let count: Int
  private let view: TensorView
  /// For every byte of a block the one that stands there afterwards.
  private let order: [Int]

  var blockBytes: Int { order.count }

  init(_ view: TensorView, fields: [Range<Int>]) {
    self.view = view
    count = view.byteRange.count
    var order = Array(0..<view.elementType.blockBytes)
    for field in fields { order[field].reverse() }
    self.order = order
  }

  func fillBlocks(_ target: inout MutableRawSpan, from block: Int) {
    let start = view.byteRange.lowerBound + block * blockBytes
    view.storage.withBytes(in: start..<start + target.byteCount) { source in
      for block in stride(from: 0, to: target.byteCount, by: blockBytes) {
        for (place, from) in order.enumerated() {
          let byte = unsafe source.unsafeLoad(fromByteOffset: block + from, as: UInt8.self)
          target.storeBytes(of: byte, toByteOffset: block + place, as: UInt8.self)
        }
      }
    }
  }
}
