internal import Numerics
internal import Synchronization
internal import TensorCore

/// A tensor computed from others, some rows at a time.
protocol RowComputation: Sendable {
  /// The first extent; 1 for what has none.
  var rows: Int { get }
  /// The elements of a row.
  var columns: Int { get }

  /// How many rows are worth computing by themselves.
  var pieceRows: Int { get }

  /// Writes the values of some rows.
  func compute(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>)

  /// Takes note that rows were computed and are not needed again soon.
  func release(_ rows: Range<Int>)
}

/// What went wrong with the values of computed tensors.
struct MergeLog: Sendable {
  /// Finite values that became infinite in the type that is written.
  let overflows = OverflowLog()
  /// Values that are NaN or infinite before they are rounded.
  let nonFinite = OverflowLog()
}

/// The bytes of a computed tensor, rounded once to its element type. A few megabytes are made at a
/// time, on all cores, the next while the writer has the ones before.
///
/// Rows are computed in pieces whose size depends on the tensor alone, so that neither the threads
/// nor the writer's chunks change a bit.
struct ComputedTensor: ByteProvider {
  let count: Int
  private let computation: any RowComputation
  private let target: TensorDescription
  private let pieceRows: Int
  private let blockRows: Int
  private let blockBytes: Int
  private let log: MergeLog
  private let place: Int
  private let state = StateBox()

  /// The least elements that are made at a time: two megabytes of halves.
  private static let blockElements = 1 << 20

  private struct State {
    var current: (block: Int, bytes: ByteStorage)?
    var next: (block: Int, bytes: Background<ByteStorage>)?
  }

  /// A class because providers are copied.
  private final class StateBox: Sendable {
    let state = Mutex(State())
  }

  /// - Parameters:
  ///   - place: the tensor's place in the result, for the log.
  init(
    _ computation: any RowComputation, as target: TensorDescription, place: Int, log: MergeLog
  ) {
    self.computation = computation
    self.target = target
    self.place = place
    self.log = log
    let type = target.elementType
    count = type.byteCount(of: target.shape.elementCount)
    let columns = max(computation.columns, 1)
    // Whole blocks of the type in every piece.
    let unit = columns % type.blockElements == 0 ? 1 : type.blockElements
    pieceRows = (max(computation.pieceRows, 1) + unit - 1) / unit * unit
    blockRows = pieceRows * max(4, Self.blockElements / (pieceRows * columns))
    blockBytes = type.byteCount(of: blockRows * columns)
  }

  /// The tensor as a view. Its first block is begun at once.
  var view: TensorView {
    if count > 0 { state.state.withLock { $0.next = (0, begin(0)) } }
    return TensorView(
      description: target, storage: ByteStorage(self), byteRange: 0..<count)
  }

  func fill(_ output: inout MutableRawSpan, from offset: Int) {
    var done = 0
    let length = output.byteCount
    output.withUnsafeMutableBytes { output in
      while done < length {
        let index = (offset + done) / blockBytes
        let bytes = block(index)
        let start = offset + done - index * blockBytes
        let end = min(bytes.count, start + length - done)
        bytes.withBytes(in: start..<end) { source in
          source.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: output[done..<done + $0.count])
              .copyMemory(from: $0)
          }
        }
        done += end - start
      }
    }
  }

  func storage(holding range: Range<Int>) -> (storage: ByteStorage, range: Range<Int>)? {
    let index = range.lowerBound / blockBytes
    let start = index * blockBytes
    guard !range.isEmpty, range.upperBound <= start + blockBytes else { return nil }
    return (block(index), range.lowerBound - start..<range.upperBound - start)
  }

  /// A block of rows, and the one behind it begun.
  private func block(_ index: Int) -> ByteStorage {
    state.state.withLock { state in
      if let current = state.current, current.block == index { return current.bytes }
      let pending = state.next.flatMap { $0.block == index ? $0.bytes : nil } ?? begin(index)
      guard let bytes = try? pending.value else { preconditionFailure("making rows cannot fail") }
      state.current = (index, bytes)
      state.next = (index + 1) * blockBytes < count ? (index + 1, begin(index + 1)) : nil
      return bytes
    }
  }

  private func begin(_ index: Int) -> Background<ByteStorage> {
    Background { [self] in make(index) }
  }

  private func make(_ index: Int) -> ByteStorage {
    let first = index * blockRows
    let rows = first..<min(first + blockRows, computation.rows)
    let columns = computation.columns
    let type = target.elementType
    let found = Mutex((overflows: 0, nonFinite: 0))
    let storage = ByteStorage(count: type.byteCount(of: rows.count * columns)) {
      (output: inout MutableRawSpan) in
      output.withUnsafeMutableBytes { output in
        nonisolated(unsafe) let output = output
        Parallel.forEach((rows.count + pieceRows - 1) / pieceRows) { piece in
          let start = rows.lowerBound + piece * pieceRows
          let part = start..<min(start + pieceRows, rows.upperBound)
          let begin = type.byteCount(of: (part.lowerBound - first) * columns)
          let end = type.byteCount(of: (part.upperBound - first) * columns)
          let counts = make(
            part, into: UnsafeMutableRawBufferPointer(rebasing: output[begin..<end]))
          guard counts != (0, 0) else { return }
          found.withLock {
            $0.overflows += counts.overflows
            $0.nonFinite += counts.nonFinite
          }
        }
      }
    }
    computation.release(rows)
    let elements = rows.lowerBound * columns..<rows.upperBound * columns
    let counts = found.withLock { $0 }
    log.overflows.add(counts.overflows, of: target, at: place, from: elements)
    log.nonFinite.add(counts.nonFinite, of: target, at: place, from: elements)
    return storage
  }

  /// Computes and rounds some rows; returns how many values are NaN or infinite, and how many became
  /// infinite by the rounding.
  private func make(
    _ rows: Range<Int>, into output: UnsafeMutableRawBufferPointer
  ) -> (overflows: Int, nonFinite: Int) {
    let type = target.elementType
    guard type != .float32 else {
      computation.compute(
        rows, into: UnsafeMutableBufferPointer(rebasing: output.bindMemory(to: Float.self)[...]))
      return (0, type.nonFiniteCount(in: UnsafeRawBufferPointer(output).bytes))
    }
    let count = rows.count * computation.columns
    return Scratch.withFloats(count) { floats in
      let values = UnsafeMutableBufferPointer(start: floats, count: count)
      computation.compute(rows, into: values)
      let source = UnsafeRawBufferPointer(values).bytes
      var bytes = output.mutableBytes
      ElementConversion.convert(source, from: .float32, to: type, into: &bytes)
      return (
        OverflowLog.overflows(source, .float32, in: UnsafeRawBufferPointer(output).bytes, type),
        ElementType.float32.nonFiniteCount(in: source)
      )
    }
  }
}
