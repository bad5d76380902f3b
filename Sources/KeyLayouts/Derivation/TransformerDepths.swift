internal import TensorCore

/// The transformer blocks in every module of attention of a U-Net, whichever way they are stated.
struct TransformerDepths: Sendable, Hashable {
  /// diffusers' fields for them.
  static let fields = ["transformer_layers_per_block", "reverse_transformer_layers_per_block"]

  /// Of each level on the way down, outermost first; empty for a level without attention.
  private let down: [[Int]]
  /// The middle's, where it has attention.
  private let middle: Int?
  /// Of each level on the way up, innermost first.
  private let up: [[Int]]

  /// Those of a plan, which names show.
  init(_ plan: UNetPlan) {
    func clean(_ depths: [Int]) -> [Int] { depths.contains { $0 > 0 } ? depths : [] }
    down = plan.down.map(clean)
    up = plan.up.map(clean)
    if case .attention(let depth) = plan.middle { middle = depth } else { middle = nil }
  }

  /// Those that diffusers' fields state for a network with attention in the same places.
  ///
  /// - Parameters:
  ///   - layers: `transformer_layers_per_block`: one number, or one a level, or one a module.
  ///   - reverse: `reverse_transformer_layers_per_block`, for the way up.
  init(stated layers: JSON, reverse: JSON, like other: TransformerDepths) {
    func spread(_ value: JSON, over places: [[Int]]) -> [[Int]] {
      places.enumerated().map { level, modules in
        guard !modules.isEmpty else { return [] }
        let own = value.arrayValue.map { level < $0.count ? $0[level] : .null } ?? value
        if let list = own.arrayValue { return list.map { $0.intValue ?? -1 } }
        return modules.map { _ in own.intValue ?? -1 }
      }
    }
    down = spread(layers, over: other.down)
    let mirrored = layers.arrayValue.map { JSON.array($0.reversed()) } ?? layers
    up = spread(reverse == .null ? mirrored : reverse, over: other.up)
    let last = layers.arrayValue?.last ?? layers
    middle = other.middle == nil ? nil : (last.arrayValue?.first ?? last).intValue ?? -1
  }

  /// Whether the way down and the middle are the same.
  func isSame(onTheWayDown other: TransformerDepths) -> Bool {
    down == other.down && middle == other.middle
  }
}
