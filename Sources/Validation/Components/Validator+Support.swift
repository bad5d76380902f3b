internal import Generation
internal import KeyLayouts
internal import Numerics
internal import TensorCore

extension Validator {
  /// Runs work and tells how long it took, in seconds.
  func timed<Result>(_ body: () throws -> Result) rethrows -> (Result, seconds: Double) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try body()
    return (result, (clock.now - start) / .seconds(1))
  }

  /// A recorded input as a tensor.
  func input(_ name: String, shape: [Int?]) throws -> Tensor {
    let recorded = try reference.floats(name, shape: shape)
    return Tensor(shape: recorded.shape, values: recorded.values)
  }

  /// Compares a computed tensor with the recorded one of that name.
  ///
  /// - Throws: `ReferenceError` when the recorded one has another shape.
  func compare(_ found: Tensor, with name: String, peak: Double? = nil) throws -> Comparison {
    let expected = try reference.floats(name, shape: found.shape.map(Optional.some))
    return Comparison(
      found: found.floats, expected: expected.values, shape: found.shape, peak: peak)
  }

  /// The check of what a network gave; a failed one says where the difference begins, as far as
  /// the trace and the weights of the component tell.
  func check(
    _ name: String, _ comparison: Comparison, bound: Bound, component: String,
    trace: TraceComparison? = nil, seconds: Double = 0
  ) -> Check {
    guard !bound.accepts(comparison) else {
      return Check(name: name, comparison: comparison, bound: bound, seconds: seconds)
    }
    var remark: String?
    if comparison.nonFiniteCount > 0 {
      remark = NonFiniteWeight(in: model, component: component).map { "\($0)" }
    }
    if remark == nil, let trace, trace.firstDifference == nil, let last = trace.lastGood {
      remark = "every traced block is good: the difference lies behind \(last)"
    }
    return Check(
      name: name, comparison: comparison, bound: bound, firstBlock: trace?.firstDifference,
      remark: remark, seconds: seconds)
  }

  /// A problem of a metadata entry that is not what the schema says.
  func unusable(_ entry: String, _ problem: String) -> ReferenceError {
    ReferenceError(path: reference.path, problem: .metadata(key: entry, problem: problem))
  }

  /// Checks that the spatial extents of an input are multiples of what the network halves.
  func checkExtents(_ name: String, of tensor: Tensor, levels: Int) throws {
    let factor = 1 << max(levels - 1, 0)
    for extent in tensor.shape.suffix(2) where extent == 0 || extent % factor != 0 {
      throw ReferenceError(
        path: reference.path,
        problem: .unusable(
          tensor: name, problem: "extent \(extent), expected a multiple of \(factor)"))
    }
  }
}

extension TraceComparison {
  /// Takes the output of a block as a tensor. The text encoder's `text_model` level, which
  /// transformers keeps or drops by version, is no part of recorded names.
  func add(_ block: String, _ output: Tensor) {
    let prefix = "text_model."
    let name = block.hasPrefix(prefix) ? String(block.dropFirst(prefix.count)) : block
    add(block: name, shape: output.shape, values: output.floats)
  }
}
