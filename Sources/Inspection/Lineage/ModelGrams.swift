internal import Checkpoints
public import Conversion
internal import KeyLayouts
internal import Synchronization
internal import TensorCore

/// The inner products of several models' weights, of each block and of all of them.
public struct ModelGrams: Sendable {
  /// The inner products of one block.
  public struct Block: Sendable, Hashable {
    /// The component: `unet`.
    public let component: String
    /// The block in it: `down_blocks.1`.
    public let block: String
    /// The inner products.
    public internal(set) var gram: GramMatrix
    /// Of a level of a U-Net, those of its layers and its resampling.
    public internal(set) var layers: [Layer] = []

    /// Both, as people write it: `unet.down_blocks.1`.
    public var name: String { component.isEmpty ? block : "\(component).\(block)" }
  }

  /// The inner products of one layer of a level of a U-Net: a residual block with the attention behind
  /// it, which merges by block weigh by themselves (`IN04`, `OUT11`).
  public struct Layer: Sendable, Hashable {
    /// The layer: `unet.down_blocks.1.0`, `unet.up_blocks.2.sample`.
    public let name: String
    /// The inner products.
    public internal(set) var gram: GramMatrix
  }

  /// The paths of the models, as the user gave them.
  public let paths: [String]
  /// The blocks: components in the first model's order, blocks as data flows.
  public private(set) var blocks: [Block] = []
  /// The number of tensors that all models have in one shape.
  public private(set) var tensorCount = 0
  /// Tensors of the first model that another lacks or has in another shape, or of which one has no
  /// numbers that stand for themselves.
  public private(set) var unshared: [String] = []

  /// All blocks together.
  public var total: GramMatrix {
    blocks.reduce(into: GramMatrix(count: paths.count)) { $0.add($1.gram) }
  }

  /// The blocks of each component together, in order.
  public var components: [(name: String, gram: GramMatrix)] {
    var found: [(name: String, gram: GramMatrix)] = []
    for block in blocks {
      if let place = found.firstIndex(where: { $0.name == block.component }) {
        found[place].gram.add(block.gram)
      } else {
        found.append((block.component, block.gram))
      }
    }
    return found
  }

  /// Reads the models side by side once, on all cores.
  ///
  /// - Parameter progress: called with the bytes read so far and in all.
  /// - Throws: the containers' errors when a tensor cannot be produced, and `LayoutError` when a scale
  ///   does not fit its weight.
  public init(
    _ models: [ReadModel], progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    paths = models.map(\.checkpoint.path)
    let sources = try models.map { try $0.multiplyingScales().canonicalTensors }
    let packed = sources.map(\.packedForms)
    let indices = sources.map { source in
      Dictionary(
        source.tensors.enumerated().map { (ExactName($1.name), $0) },
        uniquingKeysWith: { first, _ in first })
    }
    var shared: [[Int]] = []
    for (index, tensor) in sources[0].tensors.enumerated() {
      if case .leftBehind = sources[0].origins[index] { continue }
      if let places = Self.places(of: tensor, indices, sources, packed) {
        shared.append(places)
      } else {
        unshared.append(tensor.name)
      }
    }
    let tensors = sources[0].tensors
    let sizes = shared.map { places in
      zip(places, sources).reduce(0) { sum, side in
        let tensor = side.1.tensors[side.0]
        return sum + (tensor.elementType.byteCount(for: tensor.shape) ?? 0)
      }
    }
    let order = shared.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    let total = sizes.reduce(0, +)
    let state = Mutex(
      (grams: [GramMatrix?](repeating: nil, count: shared.count), done: 0))
    let places = shared
    try Workers.forEach(
      order.count,
      progress: { try progress(state.withLock { $0.done }, total) },
      { number in
        let index = order[number]
        var accumulator = GramAccumulator(count: sources.count)
        let views = try zip(places[index], sources).map { try $1.tensor(at: $0) }
        let types = zip(places[index], sources).map {
          $1.scaledType(at: $0) ?? $1.tensors[$0].elementType
        }
        let isKnown = accumulator.add(views, roundedTo: types)
        let gram = accumulator.gram
        state.withLock { state in
          state.grams[index] = isKnown ? gram : nil
          state.done += sizes[index]
        }
      })
    try MappingGuard.check()
    let grams = state.withLock { $0.grams }
    collect(
      zip(shared, grams).compactMap { places, gram in
        gram.map { (tensors[places[0]].name, $0) }
      })
  }

  /// Puts tensors of one block together.
  private mutating func collect(_ tensors: [(name: String, gram: GramMatrix)]) {
    tensorCount = tensors.count
    var numbers: [String: Int] = [:]
    for (name, gram) in tensors {
      let place = TensorPlace(of: name)
      let key = "\(place.component).\(place.block)"
      let number = numbers[key] ?? blocks.count
      if number < blocks.count {
        blocks[number].gram.add(gram)
      } else {
        numbers[key] = number
        blocks.append(Block(component: place.component, block: place.block, gram: gram))
      }
      if let layer = place.layer(of: name) { blocks[number].add("\(key).\(layer)", gram) }
    }
    let order = components.map(\.name)
    blocks = blocks.map { block in
      (order.firstIndex(of: block.component) ?? order.count, NaturalOrder(block.block), block)
    }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { $0.2.inOrder }
  }

  /// The places of a tensor in all models, if all have it with as many elements, as numbers.
  private static func places(
    of tensor: TensorDescription, _ indices: [[ExactName: Int]], _ sources: [CanonicalTensors],
    _ packed: [[Int: StoredForm]]
  ) -> [Int]? {
    var places: [Int] = []
    for ((index, source), forms) in zip(zip(indices, sources), packed) {
      guard let place = index[ExactName(tensor.name)], forms[place] == nil,
        source.tensors[place].shape.elementCount == tensor.shape.elementCount,
        tensor.shape.elementCount > 0
      else { return nil }
      places.append(place)
    }
    return places
  }
}

extension ModelGrams.Block {
  /// The same with its layers as data flows.
  fileprivate var inOrder: ModelGrams.Block {
    var block = self
    block.layers.sort { NaturalOrder($0.name) < NaturalOrder($1.name) }
    return block
  }

  /// Adds the inner products of a tensor of one of the layers.
  fileprivate mutating func add(_ layer: String, _ gram: GramMatrix) {
    if let place = layers.firstIndex(where: { $0.name == layer }) {
      layers[place].gram.add(gram)
    } else {
      layers.append(ModelGrams.Layer(name: layer, gram: gram))
    }
  }
}

extension TensorPlace {
  /// The layer of a U-Net's level that a tensor is in: the number of its residual block or attention,
  /// or `sample`; `nil` elsewhere.
  fileprivate func layer(of name: String) -> String? {
    guard block.hasPrefix("down_blocks.") || block.hasPrefix("up_blocks."),
      let path = name[...].behind("\(component).\(block).")
    else { return nil }
    let parts = String(path).dottedParts
    switch parts.first {
    case "resnets", "attentions": return parts.count > 1 ? String(parts[1]) : nil
    case "downsamplers", "upsamplers": return "sample"
    default: return nil
    }
  }
}
