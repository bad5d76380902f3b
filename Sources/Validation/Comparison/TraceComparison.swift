internal import TensorCore

/// Collects what a network's blocks give while it runs, and compares it with the recorded outputs.
///
/// The outputs arrive in the order of computation, so the first one out of bound is where a
/// difference begins. A recorded block may be a sample: every `stride`-th value of the flattened
/// output. Blocks that only one side knows are passed over.
final class TraceComparison {
  private let recorded: [String: RecordedBlock]
  private let bound: Bound

  /// The first block whose output left the bound.
  private(set) var firstDifference: BlockDifference?
  /// The last block before it whose output was within the bound.
  private(set) var lastGood: String?
  /// The number of blocks compared so far.
  private(set) var comparedCount = 0

  private struct RecordedBlock {
    let shape: TensorShape
    let stride: Int
    let values: [Float]
  }

  /// Reads the recorded outputs under a prefix such as `unet/0/trace/`.
  ///
  /// - Throws: `ReferenceError` when the reference's own entries do not fit together.
  init(reference: ReferenceBundle, prefix: String, bound: Bound) throws {
    self.bound = bound
    let names = reference.names(startingWith: prefix)
    guard !names.isEmpty else {
      recorded = [:]
      return
    }
    let entries = try reference.json("traces").objectValue
    var recorded: [String: RecordedBlock] = [:]
    for name in names {
      guard let entry = entries?[name],
        let shape = TensorShape(
          checking: entry["shape"]?.arrayValue?.map { $0.intValue ?? -1 } ?? [-1]),
        let stride = entry["stride"]?.intValue, stride > 0
      else {
        throw ReferenceError(
          path: reference.path,
          problem: .metadata(key: "traces", problem: "expected shape and stride of '\(name)'"))
      }
      let (whole, rest) = shape.elementCount.quotientAndRemainder(dividingBy: stride)
      let values = try reference.floats(name, shape: [whole + (rest > 0 ? 1 : 0)]).values
      recorded[String(name.dropFirst(prefix.count))] = RecordedBlock(
        shape: shape, stride: stride, values: values)
    }
    self.recorded = recorded
  }

  /// Whether the reference recorded any block.
  var isEmpty: Bool { recorded.isEmpty }

  /// Takes the output of a block. For use as a network's `trace`.
  func add(block: String, shape: [Int], values: [Float]) {
    guard firstDifference == nil, let expected = recorded[block] else { return }
    comparedCount += 1
    let comparison: Comparison
    if values.count == expected.shape.elementCount {
      let sample = stride(from: 0, to: values.count, by: expected.stride).map { values[$0] }
      comparison = Comparison(
        found: sample, expected: expected.values, shape: expected.shape.dimensions)
    } else {
      comparison = Comparison(incomparableWith: expected.shape.dimensions)
    }
    if bound.accepts(comparison) {
      lastGood = block
    } else {
      firstDifference = BlockDifference(
        block: block, comparison: comparison, lastGoodBlock: lastGood)
    }
  }
}
