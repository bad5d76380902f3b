internal import ArgumentParser
internal import Foundation

/// A LoRA and how strongly to apply it: `style.safetensors:0.8`.
struct AdapterArgument: ExpressibleByArgument {
  /// The file or folder.
  let path: String
  /// The factor; 1 by default.
  let strength: Double

  /// Takes what follows the last colon for the strength where it is a number.
  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"),
      let strength = Double(argument[argument.index(after: colon)...])
    else {
      guard !argument.isEmpty else { return nil }
      (path, strength) = (argument, 1)
      return
    }
    // Arithmetic is in float32.
    guard colon > argument.startIndex, Float(strength).isFinite else { return nil }
    path = String(argument[..<colon])
    self.strength = strength
  }
}

/// How much of another model goes in: `0.3`, or of one block `unet.mid=0.3`.
struct RatioArgument: ExpressibleByArgument {
  /// The block; `nil` for everything that no block names.
  let block: String?
  /// The ratio.
  let ratio: Double

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let ratio = parts.last.flatMap({ Double($0) }), ratio.isFinite else { return nil }
    block = parts.count == 2 ? String(parts[0]) : nil
    guard block?.isEmpty != true else { return nil }
    self.ratio = ratio
  }
}
