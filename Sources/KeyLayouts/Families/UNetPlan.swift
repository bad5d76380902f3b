/// How a Stable Diffusion U-Net is laid out: enough to name its modules. A ControlNet is the way
/// down and the middle of one.
struct UNetPlan: Sendable, Hashable {
  /// What stands between the way down and the way up.
  enum Middle: Sendable, Hashable {
    /// Nothing: distilled to be small.
    case none
    /// One residual block, as in SSD-1B.
    case residual
    /// A residual block, attention with so many transformer blocks, a residual block.
    case attention(depth: Int)
  }

  /// The number of resolutions.
  var levels: Int
  /// Residual blocks a level on the way down; one more on the way up.
  var layers: Int
  /// Transformer blocks behind each residual block of each level on the way down, outermost first;
  /// 0 where there is no attention.
  var down: [[Int]]
  /// The same on the way up, innermost first; empty in a ControlNet.
  var up: [[Int]]
  var middle: Middle
  /// Whether the size and crop of the picture and a pooled text are embedded beside the timestep.
  var hasAddedConditions: Bool
  /// Whether the guidance scale is embedded beside the timestep (consistency-distilled models).
  var hasGuidanceCondition: Bool

  /// The names that a layout has for the modules which tell the plan.
  private struct Spelling {
    let up: String
    let attentionDown: (_ level: Int, _ layer: Int) -> String
    let attentionUp: (_ block: Int, _ layer: Int) -> String
    let middle: String
    let middleAttention: String
    let addedConditions: String
    let guidanceCondition: String
  }

  /// Reads the plan from LDM's names, which number the blocks through all levels.
  ///
  /// - Parameter isControlNet: whether there is no way up. In a U-Net one is missed where it is not
  ///   there, the mirror image of the way down.
  init?(ldm names: Names, prefix: String, isControlNet: Bool = false) {
    let blocks = names.count(below: prefix + "input_blocks")
    guard blocks > 1 else { return nil }
    let levels = 1 + (1..<blocks).count { names.hasModule("\(prefix)input_blocks.\($0).0.op") }
    let (layers, rest) = (blocks - levels).quotientAndRemainder(dividingBy: levels)
    guard rest == 0 else { return nil }
    self.init(
      names, prefix, levels, layers, isControlNet,
      Spelling(
        up: "output_blocks",
        attentionDown: { "input_blocks.\(1 + $0 * (layers + 1) + $1).1" },
        attentionUp: { "output_blocks.\($0 * (layers + 1) + $1).1" },
        middle: "middle_block.0", middleAttention: "middle_block.1",
        addedConditions: "label_emb", guidanceCondition: "time_embed.cond_proj"))
  }

  /// Reads the plan from diffusers' names.
  init?(diffusers names: Names, prefix: String, isControlNet: Bool = false) {
    self.init(
      names, prefix, names.count(below: prefix + "down_blocks"),
      names.count(below: prefix + "down_blocks.0.resnets"), isControlNet,
      Spelling(
        up: "up_blocks",
        attentionDown: { "down_blocks.\($0).attentions.\($1)" },
        attentionUp: { "up_blocks.\($0).attentions.\($1)" },
        middle: "mid_block.resnets.0", middleAttention: "mid_block.attentions.0",
        addedConditions: "add_embedding", guidanceCondition: "time_embedding.cond_proj"))
  }

  private init?(
    _ names: Names, _ prefix: String, _ levels: Int, _ layers: Int, _ isControlNet: Bool,
    _ spelling: Spelling
  ) {
    guard Self.isSane(levels, layers) else { return nil }
    func depth(_ attention: String) -> Int {
      names.count(below: "\(prefix)\(attention).transformer_blocks")
    }
    self.levels = levels
    self.layers = layers
    down = (0..<levels).map { level in
      (0..<layers).map { depth(spelling.attentionDown(level, $0)) }
    }
    if isControlNet {
      up = []
    } else if names.hasModule(prefix + spelling.up) {
      up = (0..<levels).map { block in
        (0...layers).map { depth(spelling.attentionUp(block, $0)) }
      }
    } else {
      up = down.reversed().map { $0 + $0.prefix(1) }
    }
    middle =
      names.hasModule(prefix + spelling.middleAttention)
      ? .attention(depth: depth(spelling.middleAttention))
      : names.hasModule(prefix + spelling.middle) ? .residual : .none
    hasAddedConditions = names.hasModule(prefix + spelling.addedConditions)
    hasGuidanceCondition = names.hasModule(prefix + spelling.guidanceCondition)
  }

  /// Far beyond any real model: a few hostile names must not make millions of expected ones.
  static func isSane(_ levels: Int, _ layers: Int) -> Bool {
    (1...16).contains(levels) && (1...64).contains(layers)
  }

  /// Whether a level, outermost first, has attention on the way down.
  func hasAttention(_ level: Int) -> Bool { down[level].contains { $0 > 0 } }
}
