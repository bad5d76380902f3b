/// A part of a model that a merge can weigh by itself: `unet.mid`, `unet.down.0`, `text_encoder`.
public struct BlockName: Sendable, Hashable, CustomStringConvertible {
  /// The name as the user gave it.
  public let description: String
  /// What the canonical names of its modules start with.
  let prefixes: [String]

  /// Reads a block's name: one of the short ones, or the start of a canonical name in whole
  /// components.
  ///
  /// | name | canonical modules |
  /// | --- | --- |
  /// | `unet.in` | `conv_in` |
  /// | `unet.time` | `time_embedding`, `add_embedding`, `class_embedding` |
  /// | `unet.down.0` | `down_blocks.0` |
  /// | `unet.down.0.1` | the second layer of it: `resnets.1`, `attentions.1` |
  /// | `unet.down.0.sample` | `downsamplers` of it |
  /// | `unet.mid` | `mid_block` |
  /// | `unet.up.3`, `unet.up.3.1`, `unet.up.3.sample` | the same of `up_blocks` |
  /// | `unet.out` | `conv_norm_out`, `conv_out` |
  /// | `text_encoder.5` | `text_model.encoder.layers.5` |
  /// | `vae.encoder`, `vae.decoder` | the half, with its `quant_conv` or `post_quant_conv` |
  public init(_ name: String) {
    description = name
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    prefixes = Self.prefixes(parts) ?? [name]
  }

  private static func prefixes(_ parts: [String]) -> [String]? {
    guard parts.count > 1 else { return nil }
    let (component, rest) = (parts[0], parts.dropFirst())
    let paths: [String]
    switch (component, parts[1]) {
    case ("unet", "in") where rest.count == 1: paths = ["conv_in"]
    case ("unet", "time") where rest.count == 1:
      paths = ["time_embedding", "add_embedding", "class_embedding"]
    case ("unet", "out") where rest.count == 1: paths = ["conv_norm_out", "conv_out"]
    case ("unet", "mid") where rest.count == 1: paths = ["mid_block"]
    case ("unet", "down"), ("unet", "up"):
      guard rest.count > 1, Int(parts[2]) != nil else { return nil }
      let block = "\(parts[1])_blocks.\(parts[2])"
      switch parts.dropFirst(3).first {
      case nil: paths = [block]
      case "sample"? where rest.count == 3: paths = ["\(block).\(parts[1])samplers"]
      case let layer? where rest.count == 3 && Int(layer) != nil:
        paths = ["\(block).resnets.\(layer)", "\(block).attentions.\(layer)"]
      default: return nil
      }
    case ("vae", "encoder") where rest.count == 1: paths = ["encoder", "quant_conv"]
    case ("vae", "decoder") where rest.count == 1: paths = ["decoder", "post_quant_conv"]
    case (_, let layer) where component.hasPrefix("text_encoder") && Int(layer) != nil:
      guard rest.count == 1 else { return nil }
      paths = ["text_model.encoder.layers.\(layer)"]
    default: return nil
    }
    return paths.map { "\(component).\($0)" }
  }

  /// How many components of a canonical name the block covers; `nil` when it is not of the block.
  func depth(of name: String) -> Int? {
    let match = prefixes.first { name == $0 || name.hasPrefix($0 + ".") }
    return match.map { $0.utf8.count { $0 == UInt8(ascii: ".") } + 1 }
  }
}

/// How much of another model goes into each part of a model.
public struct BlockRatios: Sendable, Hashable {
  /// The ratio of what no block names.
  public let base: Double
  /// The ratios of blocks, in the order given.
  public let blocks: [(name: BlockName, ratio: Double)]

  /// Puts ratios together.
  public init(_ base: Double, blocks: [(name: BlockName, ratio: Double)] = []) {
    self.base = base
    self.blocks = blocks
  }

  /// The ratio of a tensor: that of the block that names it most closely, the last of several.
  public func ratio(of name: String) -> Double {
    var best = (depth: 0, ratio: base)
    for block in blocks {
      if let depth = block.name.depth(of: name), depth >= best.depth { best = (depth, block.ratio) }
    }
    return best.ratio
  }

  /// The blocks that none of some tensors is in.
  public func unused(among names: some Collection<String>) -> [BlockName] {
    blocks.map(\.name).filter { block in !names.contains { block.depth(of: $0) != nil } }
  }

  /// Whether two have the same ratios for the same blocks.
  public static func == (left: Self, right: Self) -> Bool {
    left.base == right.base && left.blocks.elementsEqual(right.blocks, by: ==)
  }

  /// Feeds the ratios.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(base)
    for block in blocks {
      hasher.combine(block.name)
      hasher.combine(block.ratio)
    }
  }
}
