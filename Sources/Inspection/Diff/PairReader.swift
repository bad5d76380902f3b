internal import Checkpoints
internal import TensorCore

/// Reads two tensors side by side, a bounded run at a time, and compares them.
struct PairReader {
  private let tolerance: Tolerance

  init(tolerance: Tolerance) { self.tolerance = tolerance }

  /// Fills in what a comparison of all values gives.
  ///
  /// - Returns: the bytes that were read.
  func compare(_ first: TensorView, _ second: TensorView, into pair: inout TensorPair) -> Int {
    var (a, b) = (first, second)
    switch pair.relation {
    case .incomparable: return 0
    case .same, .reshaped: break
    case .transposed:
      // Blocks' values cannot be exchanged one by one.
      guard second.elementType.blockElements == 1 else { return 0 }
      b = second.transposed(
        as: TensorDescription(
          name: second.name, elementType: second.elementType, shape: first.shape))
    case .rows(let common):
      guard first.hasWholeRows, second.hasWholeRows else { return 0 }
      a = first.rows(common)
      b = second.rows(common)
    }
    let read = a.byteRange.count + b.byteRange.count
    if var accumulator = DifferenceAccumulator(
      a.elementType, b.elementType, tolerance: tolerance)
    {
      Self.forEachRun(a, b) { accumulator.update($0, $1) }
      pair.difference = accumulator.difference
      pair.isIdentical = pair.relation == .same && accumulator.difference.isSameBytes
    } else if a.elementType == b.elementType {
      // Packed types: their bytes are all that can be compared.
      var isSame = true
      Self.forEachRun(a, b) { isSame = isSame && XXHash3.hash128($0) == XXHash3.hash128($1) }
      pair.isIdentical = pair.relation == .same && isSame
    }
    if let difference = pair.difference, Self.mayBeRows(pair, difference) {
      pair.changedRows = ChangedRows(a, b)
    }
    return read
  }

  /// Whether a few rows may be all that changed.
  private static func mayBeRows(_ pair: TensorPair, _ difference: TensorDifference) -> Bool {
    pair.place.kind == .tokenEmbedding && pair.a.shape.rank == 2 && difference.changedCount > 0
      && difference.changedFraction < 0.1 && difference.roundings?.isEmpty != false
  }

  /// The most bytes of each tensor at a time: both and their decoded numbers stay in the second-level
  /// cache.
  private static let runBytes = 1 << 17

  /// Lends both tensors' bytes from front to back, the same elements at a time.
  private static func forEachRun(
    _ a: TensorView, _ b: TensorView, _ body: (RawSpan, RawSpan) -> Void
  ) {
    let widest = max(bits(a.elementType), bits(b.elementType))
    // A whole number of blocks of every type, and of what the figures are summed up by.
    let step = max(runBytes * 8 / widest / 4096, 1) * 4096
    let count = a.shape.elementCount
    for start in stride(from: 0, to: count, by: step) {
      let end = min(start + step, count)
      a.storage.withBytes(in: bytes(of: start..<end, in: a)) { x in
        b.storage.withBytes(in: bytes(of: start..<end, in: b)) { y in body(x, y) }
      }
    }
  }

  private static func bits(_ type: ElementType) -> Int {
    max(1, type.blockBytes * 8 / type.blockElements)
  }

  private static func bytes(of elements: Range<Int>, in view: TensorView) -> Range<Int> {
    let start = view.byteRange.lowerBound
    let type = view.elementType
    return start + type.byteCount(of: elements.lowerBound)..<start
      + type.byteCount(of: elements.upperBound)
  }
}

extension TensorView {
  /// Whether each row is a number of whole blocks.
  fileprivate var hasWholeRows: Bool {
    shape.dimensions.dropFirst().reduce(1, *) % elementType.blockElements == 0
  }

  /// The first rows of a tensor.
  func rows(_ count: Int) -> TensorView {
    let rows = TensorShape([count] + shape.dimensions.dropFirst())
    let length = shape[0] == 0 ? 0 : byteRange.count / shape[0] * count
    let start = byteRange.lowerBound
    return TensorView(
      description: TensorDescription(name: name, elementType: elementType, shape: rows),
      storage: storage, byteRange: start..<start + length)
  }
}

extension ChangedRows {
  /// The most numbers that are kept.
  private static let limit = 32

  /// Compares two matrices row by row; `nil` for types whose values nobody knows.
  init?(_ a: TensorView, _ b: TensorView) {
    let columns = a.shape[1]
    var count = 0
    var first: [Int] = []
    for row in 0..<a.shape[0] {
      guard
        var accumulator = DifferenceAccumulator(a.elementType, b.elementType),
        columns % max(a.elementType.blockElements, b.elementType.blockElements) == 0
      else { return nil }
      a.storage.withBytes(in: a.row(row)) { x in
        b.storage.withBytes(in: b.row(row)) { y in accumulator.update(x, y) }
      }
      guard accumulator.difference.changedCount > 0 else { continue }
      count += 1
      if first.count < Self.limit { first.append(row) }
    }
    self.init(count: count, first: first)
  }
}

extension TensorView {
  /// The bytes of one row of a matrix.
  fileprivate func row(_ row: Int) -> Range<Int> {
    let length = elementType.byteCount(of: shape[1])
    let start = byteRange.lowerBound + row * length
    return start..<start + length
  }
}
