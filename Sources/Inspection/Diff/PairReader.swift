internal import Checkpoints
internal import TensorCore

/// Reads two tensors side by side, a bounded run at a time, and compares them.
struct PairReader {
  /// The bytes that comparisons read.
  struct Reading: Sendable {
    /// For the first time.
    var first = 0
    /// Once more.
    var again = 0
  }

  private let tolerance: Tolerance

  private let fetchesAhead: Bool

  /// - Parameter fetchesAhead: whether to ask for each tensor's bytes before they are read, and for no
  ///   others: where tensors between them are not read.
  init(tolerance: Tolerance, fetchesAhead: Bool) {
    self.tolerance = tolerance
    self.fetchesAhead = fetchesAhead
  }

  /// Fills in what a comparison of all values gives.
  ///
  /// - Parameter seesRearranged: whether to look for the same values in another arrangement where
  ///   the shapes do not tell: under names of which nobody knows the layout.
  /// - Returns: the bytes that were read.
  func compare(
    _ a: TensorView, _ b: TensorView, seesRearranged: Bool, into pair: inout TensorPair
  ) -> Reading {
    var read = compare(a, b, into: &pair)
    guard seesRearranged, pair.relation == .same, pair.state == .changed,
      let relation = Rearrangement.relation(a, b, cosine: pair.difference?.cosineSimilarity)
    else { return read }
    pair.relation = relation
    let second = compare(a, b, into: &pair)
    read.again += second.first + second.again
    return read
  }

  /// Compares two tensors as the pair says that they lie.
  private func compare(_ a: TensorView, _ b: TensorView, into pair: inout TensorPair) -> Reading {
    guard let views = AlignedViews(a, b, pair.relation) else { return Reading() }
    var read = Reading(first: views.byteCount)
    if var accumulator = DifferenceAccumulator(
      a.elementType, b.elementType, tolerance: tolerance)
    {
      for part in views.parts {
        forEachRun(part.a, part.b) { accumulator.update($0, $1) }
      }
      pair.difference = accumulator.difference
      pair.isIdentical = pair.relation == .same && accumulator.difference.isSameBytes
    } else if a.elementType == b.elementType {
      // Packed types: their bytes are all that can be compared.
      pair.isIdentical = pair.relation == .same && hasSameBytes(views)
    }
    if let difference = pair.difference, Self.mayBeRows(pair, difference),
      let part = views.parts.first
    {
      pair.changedRows = ChangedRows(part.a, part.b)
      read.again += views.byteCount
    }
    return read
  }

  /// Compares the bytes of two tensors of one type and shape whose numbers mean nothing.
  func compareBytes(_ a: TensorView, _ b: TensorView, into pair: inout TensorPair) -> Reading {
    guard pair.relation == .same, a.elementType == b.elementType,
      let views = AlignedViews(a, b, .same)
    else { return Reading() }
    pair.isIdentical = hasSameBytes(views)
    return Reading(first: views.byteCount)
  }

  private func hasSameBytes(_ views: AlignedViews) -> Bool {
    var isSame = true
    for part in views.parts {
      forEachRun(part.a, part.b) {
        isSame = isSame && XXHash3.hash128($0) == XXHash3.hash128($1)
      }
    }
    return isSame
  }

  /// Whether a few rows may be all that changed.
  private static func mayBeRows(_ pair: TensorPair, _ difference: TensorDifference) -> Bool {
    pair.place.kind == .tokenEmbedding && pair.a.shape.rank == 2 && difference.changedCount > 0
      && difference.changedFraction < 0.1 && difference.roundings?.isEmpty != false
  }

  /// How many runs are fetched at a time, up to four times as many before they are compared: the system
  /// takes no more than a megabyte or so at once.
  private static let fetchedRuns = 8

  /// The most bytes of each tensor at a time: both and their decoded numbers stay in the second-level
  /// cache.
  private static let runBytes = 1 << 17

  /// Lends both tensors' bytes from front to back, the same elements at a time.
  private func forEachRun(
    _ a: TensorView, _ b: TensorView, _ body: (RawSpan, RawSpan) -> Void
  ) {
    let widest = max(Self.bits(a.elementType), Self.bits(b.elementType))
    // A whole number of blocks of every type, and of what the figures are summed up by.
    let step = max(Self.runBytes * 8 / widest / 4096, 1) * 4096
    let count = a.shape.elementCount
    var fetched = 0
    for start in stride(from: 0, to: count, by: step) {
      let end = min(start + step, count)
      while fetchesAhead, fetched < min(start + 4 * Self.fetchedRuns * step, count) {
        let next = min(fetched + Self.fetchedRuns * step, count)
        for view in [a, b] {
          view.storage.advise(.willNeed, range: Self.bytes(of: fetched..<next, in: view))
        }
        fetched = next
      }
      a.storage.withBytes(in: Self.bytes(of: start..<end, in: a)) { x in
        b.storage.withBytes(in: Self.bytes(of: start..<end, in: b)) { y in body(x, y) }
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
