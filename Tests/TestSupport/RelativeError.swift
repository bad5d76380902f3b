public import Numerics

/// The largest absolute difference over the largest absolute expected value; infinite where the
/// shapes differ or a difference is not a number.
public func relativeError(_ actual: Tensor, _ expected: Tensor) -> Float {
  guard actual.shape == expected.shape else { return .infinity }
  let largest = expected.floats.reduce(0) { max($0, abs($1)) }
  let worst = zip(actual.floats, expected.floats).reduce(Float(0)) {
    ($1.0 - $1.1).isNaN ? .infinity : max($0, abs($1.0 - $1.1))
  }
  return worst / max(largest, .leastNormalMagnitude)
}
