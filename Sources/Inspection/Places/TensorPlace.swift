internal import TensorCore

/// Where in a model a tensor is: component, block and kind of layer, by its canonical name.
public struct TensorPlace: Sendable, Hashable {
  /// The first part of the name: `unet`, `text_encoder`.
  public let component: String
  /// The part of the component: `down_blocks.1`, `mid_block`, `layers.11`, `conv_in`.
  public let block: String
  /// What the layer does.
  public let kind: LayerKind

  /// Takes a name apart.
  public init(of name: String) {
    let substrings = name.dottedParts
    if let module = Self.adapterModule(of: name, substrings) {
      self = TensorPlace(of: module)
      return
    }
    let parts = substrings.map(String.init)
    component = parts.count > 1 ? parts[0] : ""
    var inner = parts.count > 1 ? parts.dropFirst() : parts[...]
    // Levels that say nothing: the tower within the file, the layers' list.
    for level in ["text_model", "vision_model", "encoder"]
    where component.hasPrefix("text_encoder") && inner.first == level && inner.count > 1 {
      inner = inner.dropFirst()
    }
    block = Self.block(inner)
    kind = LayerKind(of: name)
  }

  /// Where tensors are that no conversion takes along: schedule buffers, training state.
  static let leftBehind = TensorPlace(component: "left behind", block: "", kind: .other)

  init(component: String, block: String, kind: LayerKind) {
    (self.component, self.block, self.kind) = (component, block, kind)
  }

  /// The parts up to the first number; without one the module's name.
  private static func block(_ parts: ArraySlice<String>) -> String {
    guard let first = parts.first else { return "" }
    // The VAE's halves have blocks of their own.
    let isHalf = ["encoder", "decoder"].contains(first) && parts.count > 2
    let start = isHalf ? parts.dropFirst() : parts
    let head = isHalf ? first + "." : ""
    guard let name = start.first else { return first }
    if let number = start.dropFirst().first, Int(number) != nil, name != "mid_block" {
      return head + name + "." + number
    }
    return head + name
  }
}
