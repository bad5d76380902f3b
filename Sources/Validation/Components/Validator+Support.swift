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

  /// A problem of an entry whose values no model can take.
  func unusable(_ entry: String, _ problem: String) -> ReferenceError {
    ReferenceError(path: reference.path, problem: .metadata(key: entry, problem: problem))
  }

  /// Checks that the spatial extents of an input are multiples of what the network halves.
  func checkExtents(_ name: String, of tensor: Tensor, levels: Int) throws {
    let factor = 1 << max(levels - 1, 0)
    for extent in tensor.shape.suffix(2) where extent == 0 || extent % factor != 0 {
      throw unusable(name, "extent \(extent) is not a multiple of \(factor)")
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
