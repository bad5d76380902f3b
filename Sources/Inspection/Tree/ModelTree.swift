public import TensorCore

/// A model's tensors by component, block and module, with what each weighs.
public struct ModelTree: Sendable, Hashable {
  /// The order of the nodes below one node.
  public enum Order: String, Sendable, Hashable, CaseIterable {
    /// As data flows, numbers by their value.
    case flow
    /// By name.
    case name
    /// The one with most bytes first.
    case size
    /// The one with most tensors first.
    case count
  }

  /// A component, a block, a module.
  public struct Node: Sendable, Hashable {
    /// The part of the name: `down_blocks.1`.
    public let title: String
    /// The names' beginning that all tensors in it share.
    public let path: String
    /// The tensors in it and below.
    public fileprivate(set) var tensorCount = 0
    /// Their values.
    public fileprivate(set) var parameterCount = 0
    /// Their bytes.
    public fileprivate(set) var byteCount = 0
    /// The element types in use with their bytes, the one with most first.
    public fileprivate(set) var elementTypes: [ElementType] = []
    /// What is below.
    public fileprivate(set) var children: [Node] = []
  }

  /// Everything.
  public let root: Node

  /// Sorts tensors into a tree.
  ///
  /// - Parameters:
  ///   - depth: how many levels there are below the root at most.
  ///   - isLeftBehind: whether a tensor is no part of the model, but a schedule buffer or the like.
  public init(
    _ tensors: [TensorDescription], depth: Int, order: Order = .flow,
    isLeftBehind: (TensorDescription) -> Bool = { _ in false }
  ) {
    let entries = tensors.map { tensor in
      let start = isLeftBehind(tensor) ? [TensorPlace.leftBehind.component[...]] : []
      let own = TensorPlace.adapterSegments(of: tensor.name) ?? Self.segments(of: tensor.name)
      return (segments: (start + own)[...], tensor: tensor)
    }
    root = Self.node("", path: "", entries, depth: depth, order)
  }

  private typealias Entry = (segments: ArraySlice<Substring>, tensor: TensorDescription)

  private static func node(
    _ title: String, path: String, _ entries: [Entry], depth: Int, _ order: Order
  ) -> Node {
    var node = Node(title: title, path: path)
    var bytes: [ElementType: Int] = [:]
    for (_, tensor) in entries {
      let count = tensor.elementType.byteCount(for: tensor.shape) ?? 0
      node.tensorCount += 1
      node.parameterCount += tensor.shape.elementCount
      node.byteCount += count
      bytes[tensor.elementType, default: 0] += count
    }
    node.elementTypes = bytes.sorted {
      ($0.value, $1.key.rawValue) > ($1.value, $0.key.rawValue)
    }.map(\.key)
    guard depth > 0 else { return node }
    var titles: [Substring] = []
    var groups: [Substring: [Entry]] = [:]
    for (segments, tensor) in entries {
      guard let first = segments.first else { continue }
      if groups[first] == nil { titles.append(first) }
      groups[first, default: []].append((segments.dropFirst(), tensor))
    }
    // A component with a single part that has its name says nothing twice.
    let children = titles.map { title in
      Self.node(
        String(title), path: path.isEmpty ? String(title) : "\(path).\(title)", groups[title] ?? [],
        depth: depth - 1, order)
    }
    node.children = sorted(children, by: order, isTop: path.isEmpty)
    return node
  }

  private static func sorted(_ nodes: [Node], by order: Order, isTop: Bool) -> [Node] {
    switch order {
    case .flow:
      // Components stay as the model has them.
      isTop ? nodes : nodes.sorted { NaturalOrder($0.title) < NaturalOrder($1.title) }
    case .name: nodes.sorted { $0.title < $1.title }
    case .size: nodes.sorted { ($0.byteCount, $1.title) > ($1.byteCount, $0.title) }
    case .count: nodes.sorted { ($0.tensorCount, $1.title) > ($1.tensorCount, $0.title) }
    }
  }

  /// The levels of a name: each part with the number behind it, without the tensor's own last word.
  static func segments(of name: String) -> [Substring] {
    let parts = name.dottedParts
    var segments: [Substring] = []
    for part in parts.count > 1 ? parts.dropLast() : parts[...] {
      if part.isNumber, let last = segments.popLast() {
        segments.append(name[last.startIndex..<part.endIndex])
      } else {
        segments.append(part)
      }
    }
    guard segments.count > 2 else { return segments }
    // As in `TensorPlace`: levels that say nothing, and the VAE's halves with blocks of their own.
    if segments[0].hasPrefix("text_encoder") {
      while segments.count > 2, ["text_model", "encoder"].contains(segments[1]) {
        segments.remove(at: 1)
      }
    } else if segments[0] == "vae", ["encoder", "decoder"].contains(segments[1]) {
      segments[1...2] = [name[segments[1].startIndex..<segments[2].endIndex]]
    }
    return segments
  }
}
