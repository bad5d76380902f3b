/// What an adapter adds to a weight, as a matrix of the layer's outputs and everything else.
protocol WeightChange: Sendable {
  /// Whether it depends on the weight itself.
  var needsBase: Bool { get }

  /// Whether it is zero throughout, as far as that can be told without computing it.
  var isNothing: Bool { get }

  /// Writes some rows, not scaled yet.
  ///
  /// - Parameters:
  ///   - base: the same rows of the weight before any change.
  ///   - target: room for the rows.
  func write(
    _ rows: Range<Int>, base: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>)
}

extension WeightChange {
  var needsBase: Bool { false }
}
