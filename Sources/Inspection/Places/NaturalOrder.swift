/// The order in which people look for blocks: as data flows, numbers by their value.
struct NaturalOrder: Comparable {
  private let keys: [(rank: Int, text: String)]

  /// Blocks by where they stand between input and output.
  private static let flow = [
    "embeddings", "conv_in", "time_embedding", "class_embedding", "add_embedding", "encoder",
    "down_blocks", "quant_conv", "post_quant_conv", "mid_block", "decoder", "up_blocks", "layers",
    "conv_norm_out", "conv_out", "final_layer_norm", "text_projection",
  ]

  init(_ block: String) {
    keys = block.split(separator: ".").map { part in
      let text = String(part)
      let rank = Int(text) ?? Self.flow.firstIndex(of: text) ?? Self.flow.count
      return (rank, Int(text) == nil ? text : "")
    }
  }

  static func < (left: NaturalOrder, right: NaturalOrder) -> Bool {
    for (a, b) in zip(left.keys, right.keys) where a != b { return a < b }
    return left.keys.count < right.keys.count
  }

  static func == (left: NaturalOrder, right: NaturalOrder) -> Bool {
    left.keys.elementsEqual(right.keys, by: ==)
  }
}
