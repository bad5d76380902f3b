/// Where LDM's numbering, which runs through all levels, has the blocks of a level.
struct BlockPlaces: Sendable, Hashable {
  /// The residual blocks of each level on the way down, outermost first.
  let down: [Int]
  /// The number of the last residual block of each level on the way up, innermost first: there is
  /// one more than on the way down.
  let up: [Int]
  private let firstInputs: [Int]
  private let firstOutputs: [Int]

  /// - Parameter layers: the residual blocks of each level on the way down.
  init(_ layers: [Int]) {
    down = layers
    up = layers.reversed()
    // Block 0 is the first convolution.
    firstInputs = layers.reduce(into: [1]) { $0.append($0[$0.count - 1] + $1 + 1) }
    firstOutputs = layers.reversed().reduce(into: [0]) { $0.append($0[$0.count - 1] + $1 + 1) }
  }

  /// The number of a level's residual block among the input blocks; behind the last one stands the
  /// block that halves the resolution.
  func input(_ level: Int, layer: Int) -> Int { firstInputs[level] + layer }

  /// The number of a residual block among the output blocks, the innermost level being 0.
  func output(_ block: Int, layer: Int) -> Int { firstOutputs[block] + layer }
}
