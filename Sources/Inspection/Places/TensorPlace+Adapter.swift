internal import KeyLayouts
internal import TensorCore

extension TensorPlace {
  /// The module of an adapter's tensor; `nil` for a name that no adapter has for certain.
  static func adapterModule(of name: String, _ parts: [Substring]) -> AdapterModuleName? {
    let isAdapter =
      parts.first.map { first in flatStarts.contains { first.hasPrefix($0) } } == true
      || parts.suffix(3).contains { part in roleStarts.contains { part.hasPrefix($0) } }
    return isAdapter ? AdapterKey(name)?.module : nil
  }

  /// Where in the model an adapter's module works.
  init(of module: AdapterModuleName) {
    let scope = module.likelyScope
    var words = module.path.split(whereSeparator: { $0 == "." || $0 == "_" }).map(String.init)
    if scope.hasPrefix("text_encoder") {
      if words.starts(with: ["text", "model"]) { words.removeFirst(2) }
      if words.first == "encoder" { words.removeFirst() }
    }
    self.init(component: scope, block: Self.block(of: words), kind: Self.kind(of: words))
  }

  /// The levels of an adapter's tensor: component, block, and the module as the file names it.
  static func adapterSegments(of name: String) -> [Substring]? {
    guard let module = adapterModule(of: name, name.dottedParts) else { return nil }
    let place = TensorPlace(of: module)
    return [place.component[...], place.block[...], module.path[...]]
  }

  private static let flatStarts = ["lora_", "lycoris_"]
  private static let roleStarts = ["lora_", "hada_", "lokr_"]

  /// The words up to the first number with it, but for the middle, which is one block.
  private static func block(of words: [String]) -> String {
    for middle in ["mid", "middle"] where words.starts(with: [middle, "block"]) {
      return middle + "_block"
    }
    guard let place = words.firstIndex(where: { Int($0) != nil }), place > 0 else {
      return words.joined(separator: "_")
    }
    return words[..<place].joined(separator: "_") + "." + words[place]
  }

  private static func kind(of words: [String]) -> LayerKind {
    let found = Set(words)
    if found.contains("attn2") { return .crossAttention }
    if found.contains("attn1") || found.isSuperset(of: ["self", "attn"]) { return .selfAttention }
    if found.contains("ff") || found.contains("mlp") { return .feedForward }
    if let last = words.last, last.hasPrefix("norm") { return .norm }
    if found.isSuperset(of: ["time", "emb"]) || found.isSuperset(of: ["time", "embedding"]) {
      return .timeEmbedding
    }
    if words.contains(where: { $0.hasPrefix("conv") }) || found.contains("resnets") {
      return .convolution
    }
    return found.contains("proj") ? .projection : .other
  }
}
