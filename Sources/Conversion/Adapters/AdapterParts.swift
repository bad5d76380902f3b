internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// The tensors of an adapter under other names, put together module by module.
struct AdapterParts {
  /// The tensors of the result.
  private(set) var tensors: [TensorDescription] = []
  /// What is left behind, and why.
  private(set) var leftovers: [AdapterOutcome.Leftover]
  private let adapter: Adapter
  private let names: AdapterNames
  private var places: [Place] = []
  private var scales: [AdapterScales.Entry] = []

  /// Whether all modules have one rank. diffusers 0.42 takes the commonest alpha of a kohya file for
  /// all its attention layers: where ranks differ and the source has no alpha, there is none in the
  /// result either, which every reader takes for the rank.
  private let hasOneRank: Bool

  private enum Place {
    /// A tensor of the file.
    case own(Int)
    /// One number in float32.
    case number(Float)
  }

  init(_ adapter: Adapter, _ names: AdapterNames) {
    self.adapter = adapter
    self.names = names
    let file = adapter.file
    hasOneRank = Set(file.modules.compactMap(\.rank)).count <= 1
    leftovers = AdapterOutcome.Leftover.all(of: file)
  }

  /// Leaves a module behind.
  mutating func leave(_ module: AdapterModule, _ reason: String) {
    leftovers.append(
      AdapterOutcome.Leftover(name: module.name.path, reason: reason, isKnown: false))
  }

  /// Takes a module along under its canonical name; `false` when the naming has no place for it.
  ///
  /// - Throws: the errors of `Adapter.alpha`.
  mutating func add(_ module: AdapterModule, named target: String) throws -> Bool {
    let file = adapter.file
    let hasConfiguration = names.naming != .kohya && module.parts[.down] != nil
    var found: [(name: String, index: Int, shape: TensorShape)] = []
    for (role, index) in module.parts.sorted(by: { $0.value < $1.value }) {
      if role == .alpha, hasConfiguration { continue }
      guard let name = names.name(of: role, in: target) else {
        leave(module, "\(names.naming.rawValue) has no place for \(role.rawValue)")
        return false
      }
      let isMagnitude = role == .doraScale || role == .magnitude
      if isMagnitude, names.naming != .kohya, !module.hasRowMagnitudes(in: file) {
        leave(module, "\(names.naming.rawValue) has no place for magnitudes of inputs")
        return false
      }
      let shape = file.tensors[index].shape
      found.append((name, index, isMagnitude ? magnitudeShape(shape, module) : shape))
    }
    for part in found {
      var tensor = file.tensors[part.index]
      (tensor.name, tensor.shape) = (part.name, part.shape)
      tensors.append(tensor)
      places.append(.own(part.index))
    }
    guard let rank = module.rank else { return true }
    let alpha = try adapter.alpha(of: module)
    // The scale as alpha over rank, whatever the source divides by.
    let effective = alpha == nil ? Double(rank) : try adapter.scale(of: module) * Double(rank)
    if hasConfiguration {
      scales.append(
        AdapterScales.Entry(
          module: target, rank: rank, alpha: effective, isDecomposed: module.magnitude != nil))
    } else if module.parts[.alpha] == nil, alpha != nil || hasOneRank,
      let name = names.name(of: .alpha, in: target)
    {
      tensors.append(TensorDescription(name: name, elementType: .float32, shape: TensorShape([])))
      places.append(.number(Float(effective)))
    }
    return true
  }

  /// DoRA's magnitudes of rows: LyCORIS keeps a dimension for each of the weight's, PEFT has `[out]`
  /// for a linear layer and `[1, out, 1, 1]` for a convolution. Those of inputs stay.
  private func magnitudeShape(_ shape: TensorShape, _ module: AdapterModule) -> TensorShape {
    guard let down = module.parts[.down], module.hasRowMagnitudes(in: adapter.file)
    else { return shape }
    let ones = [Int](repeating: 1, count: adapter.file.tensors[down].shape.rank - 1)
    let count = shape.elementCount
    guard names.naming != .kohya else { return TensorShape([count] + ones) }
    return ones.count == 1 ? TensorShape([count]) : TensorShape([1, count] + ones.dropFirst())
  }

  /// Whether scales stand in the metadata alone.
  var hasConfiguration: Bool { AdapterScales(scales).metadata != nil }

  /// The file's metadata, with the scales where they are not among the tensors.
  var metadata: JSONObject {
    var metadata = adapter.checkpoint.portableMetadata.withoutOpaqueValues
    metadata["lora_adapter_metadata"] = AdapterScales(scales).metadata.map { .string($0) }
    return metadata
  }

  /// The tensors with their bytes.
  var source: any TensorSource {
    Renamed(tensors: tensors, places: places, source: adapter.checkpoint.source)
  }

  private struct Renamed: TensorSource {
    let tensors: [TensorDescription]
    let places: [Place]
    let source: any TensorSource

    func tensor(at index: Int) throws -> TensorView {
      switch places[index] {
      case .own(let place): return try source.tensor(at: place).described(as: tensors[index])
      case .number(let value):
        let storage = withUnsafeBytes(of: value.bitPattern.littleEndian) {
          ByteStorage(copying: $0.bytes)
        }
        return TensorView(description: tensors[index], storage: storage, byteRange: 0..<4)
      }
    }
  }
}
