internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// The tensors that a ledger makes of a source, under their target names and shapes. Nothing is
/// copied before it is asked for: parts are views of the whole, and what is joined or transposed is
/// put together a chunk at a time.
struct MappedTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  /// What the tensors are made of.
  let targets: [Ledger.Target]

  init(_ source: any TensorSource, by ledger: Ledger) {
    self.init(source, ledger.targets)
  }

  private init(_ source: any TensorSource, _ targets: [Ledger.Target]) {
    self.source = source
    self.targets = targets
    tensors = targets.map(\.description)
  }

  func tensor(at index: Int) throws -> TensorView {
    let target = tensors[index]
    return try view(of: targets[index].recipe, shape: target.shape, named: target.name)
      .described(as: target)
  }

  /// Of a weight into which its scale is multiplied, both as they are stored; `nil` for any other.
  ///
  /// - Parameters:
  ///   - part: which of so many equal parts of the weight is meant.
  ///   - isTransposed: whether its rows are columns.
  /// - Throws: the source's error when they cannot be produced.
  func scaledWeight(
    at index: Int, part: Int, of count: Int, isTransposed: Bool
  ) throws -> ScaledWeight? {
    guard case .scaled(.source(let weight), .source(let scale), _) = targets[index].recipe else {
      return nil
    }
    return ScaledWeight(
      try source.tensor(at: weight), by: try source.tensor(at: scale), part: part, of: count,
      isTransposed: isTransposed)
  }

  /// The type that such a weight is stored in; `nil` for any other tensor.
  func scaledType(at index: Int) -> ElementType? {
    guard case .scaled(.source(let weight), _, _) = targets[index].recipe else { return nil }
    return source.tensors[weight].elementType
  }

  /// The tensor that a recipe makes.
  ///
  /// - Parameter shape: its shape, where the recipe itself does not tell.
  private func view(of recipe: Recipe, shape: TensorShape?, named name: String) throws -> TensorView
  {
    switch recipe {
    case .source(let index):
      let view = try source.tensor(at: index)
      guard let shape, shape != view.shape else { return view }
      return view.described(
        as: TensorDescription(name: name, elementType: view.elementType, shape: shape))
    case .rows(let whole, let part, let count):
      let view = try view(of: whole, shape: nil, named: name)
      let length = view.byteRange.count / count
      let start = view.byteRange.lowerBound + part * length
      let rows = TensorShape(
        [view.shape[0] / count] + view.shape.dimensions.dropFirst())
      return TensorView(
        description: TensorDescription(name: name, elementType: view.elementType, shape: rows),
        storage: view.storage, byteRange: start..<start + length)
    case .joined(let parts):
      let views = try parts.map { try view(of: $0, shape: nil, named: name) }
      let bytes = JoinedBytes(views)
      let first = views[0].shape
      let joined = TensorShape(
        [views.reduce(0) { $0 + $1.shape[0] }] + first.dimensions.dropFirst())
      return TensorView(
        description: TensorDescription(
          name: name, elementType: views[0].elementType, shape: joined),
        storage: ByteStorage(bytes), byteRange: 0..<bytes.count)
    case .repeated(let value, let count):
      let view = try view(of: value, shape: nil, named: name)
      let bytes = JoinedBytes([TensorView](repeating: view, count: count))
      return TensorView(
        description: TensorDescription(
          name: name, elementType: view.elementType, shape: TensorShape([count])),
        storage: ByteStorage(bytes), byteRange: 0..<bytes.count)
    case .scaled(let weight, let scale, let scaleShape):
      let bytes = ScaledBytes(
        try view(of: weight, shape: shape, named: name),
        by: try view(of: scale, shape: scaleShape, named: name))
      return TensorView(
        description: bytes.description, storage: ByteStorage(bytes), byteRange: 0..<bytes.count)
    case .transposed(let matrix):
      let view = try view(of: matrix, shape: nil, named: name)
      let plain = view.elementType.isGGMLBlock ? Self.decoded(view) : view
      return plain.transposed(
        as: TensorDescription(
          name: name, elementType: plain.elementType,
          shape: TensorShape([view.shape[1], view.shape[0]])))
    }
  }

  /// The values of blocks, which cannot change places within them.
  private static func decoded(_ view: TensorView) -> TensorView {
    let description = TensorDescription(
      name: view.name, elementType: .float32, shape: view.shape)
    let storage = ByteStorage(count: 4 * view.shape.elementCount) { target in
      view.withBytes {
        ElementConversion.convert($0, from: view.elementType, to: .float32, into: &target)
      }
    }
    return TensorView(description: description, storage: storage, byteRange: 0..<storage.count)
  }

  /// The same tensors with those of one component together, in the order of its first tensor.
  var byComponent: MappedTensors {
    var order: [Substring: Int] = [:]
    let ranks = tensors.map { tensor in
      let component = tensor.name.prefix { $0 != "." }
      let rank = order[component] ?? order.count
      order[component] = rank
      return rank
    }
    let sorted = tensors.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    return MappedTensors(source, sorted.map { targets[$0] })
  }
}
