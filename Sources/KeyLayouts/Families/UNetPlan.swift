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
  /// Residual blocks of each level on the way down, outermost first; one more on the way up.
  var layers: [Int]
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
  /// Whether a number that stands for a class is embedded beside the timestep (the noise level of an
  /// upscaler).
  var hasClassCondition: Bool

  /// The names that a layout has for the modules which tell the plan.
  private struct Spelling {
    let up: String
    let attentionDown: (_ level: Int, _ layer: Int) -> String
    let attentionUp: (_ block: Int, _ layer: Int) -> String
    let middle: String
    let middleAttention: String
    let addedConditions: String
    let guidanceCondition: String
    let classCondition: String
  }

  /// Reads the plan from LDM's names, which number the blocks through all levels.
  ///
  /// - Parameter isControlNet: whether there is no way up. In a U-Net one is missed where it is not
  ///   there, the mirror image of the way down.
  init?(ldm names: Names, prefix: String, isControlNet: Bool = false) {
    let blocks = names.count(below: prefix + "input_blocks")
    guard blocks > 1 else { return nil }
    // Each level but the last ends with a block that halves the resolution, or doubles it.
    let ends = (1..<blocks).filter { names.hasModule("\(prefix)input_blocks.\($0).0.op") }
    let down = zip([0] + ends, ends + [blocks]).map { $1 - $0 - 1 }
    let outputs = names.count(below: prefix + "output_blocks")
    let turns = (0..<outputs).filter { block in
      (1...2).contains { names.hasModule("\(prefix)output_blocks.\(block).\($0).conv") }
    }
    let up = zip([-1] + turns, turns + [outputs - 1]).map { $1 - $0 - 1 }
    let layers = isControlNet ? down : Self.layers(down: down, up: up)
    guard layers.allSatisfy({ $0 > 0 }) else { return nil }
    let places = BlockPlaces(layers)
    self.init(
      names, prefix, layers, isControlNet,
      Spelling(
        up: "output_blocks",
        attentionDown: { "input_blocks.\(places.input($0, layer: $1)).1" },
        attentionUp: { "output_blocks.\(places.output($0, layer: $1)).1" },
        middle: "middle_block.0", middleAttention: "middle_block.1",
        addedConditions: "label_emb.0", guidanceCondition: "time_embed.cond_proj",
        classCondition: "label_emb.weight"))
  }

  /// Reads the plan from diffusers' names.
  init?(diffusers names: Names, prefix: String, isControlNet: Bool = false) {
    let upBlocks = isControlNet ? 0 : names.count(below: prefix + "up_blocks")
    let levels = max(names.count(below: prefix + "down_blocks"), upBlocks)
    guard (1...Self.mostLevels).contains(levels) else { return nil }
    let down = (0..<levels).map { names.count(below: "\(prefix)down_blocks.\($0).resnets") }
    let up = (0..<levels).map { names.count(below: "\(prefix)up_blocks.\($0).resnets") - 1 }
    self.init(
      names, prefix, isControlNet ? down : Self.layers(down: down, up: up), isControlNet,
      Spelling(
        up: "up_blocks",
        attentionDown: { "down_blocks.\($0).attentions.\($1)" },
        attentionUp: { "up_blocks.\($0).attentions.\($1)" },
        middle: "mid_block.resnets.0", middleAttention: "mid_block.attentions.0",
        addedConditions: "add_embedding", guidanceCondition: "time_embedding.cond_proj",
        classCondition: "class_embedding.weight"))
  }

  private init?(
    _ names: Names, _ prefix: String, _ layers: [Int], _ isControlNet: Bool, _ spelling: Spelling
  ) {
    levels = layers.count
    let count = layers.count
    guard layers.allSatisfy({ Self.isSane(count, $0) }) else { return nil }
    func depth(_ attention: String) -> Int {
      names.count(below: "\(prefix)\(attention).transformer_blocks")
    }
    self.layers = layers
    down = layers.enumerated().map { level, count in
      (0..<count).map { depth(spelling.attentionDown(level, $0)) }
    }
    if isControlNet {
      up = []
    } else if names.hasModule(prefix + spelling.up) {
      up = layers.reversed().enumerated().map { block, count in
        (0...count).map { depth(spelling.attentionUp(block, $0)) }
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
    hasClassCondition = names.contains(prefix + spelling.classCondition)
  }

  /// The residual blocks of each level by what is there in both directions: what one of them lacks
  /// is missing, and not a smaller model.
  ///
  /// - Parameter up: those on the way up but for the one that each level has more, innermost first.
  private static func layers(down: [Int], up: [Int]) -> [Int] {
    let up = Array(up.reversed())
    if down.count == up.count { return zip(down, up).map { max($0, $1) } }
    return down.count > up.count ? down : up
  }

  /// Far beyond any real model: a few hostile names must not make millions of expected ones.
  static func isSane(_ levels: Int, _ layers: Int) -> Bool {
    (1...mostLevels).contains(levels) && (1...64).contains(layers)
  }

  private static let mostLevels = 16

  /// Whether a level, outermost first, has attention on the way down.
  func hasAttention(_ level: Int) -> Bool { down[level].contains { $0 > 0 } }
}
