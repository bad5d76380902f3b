public import Checkpoints
public import Conversion
public import KeyLayouts
public import TensorCore

/// What an adapter is: a LoRA, or one of its kin. Nothing is read of it but its alphas, a number each.
public struct AdapterSummary: Sendable {
  /// The adapter.
  public let adapter: Adapter
  /// The number of modules by form, LoRA, LoHa, norm, and of tensors of forms that are known by
  /// name alone: OFT.
  public let kinds: [String: Int]
  /// The components that it changes, by diffusers' names, with the number of modules, most first.
  public let components: [(name: String, modules: Int)]
  /// The smallest and the largest rank; `nil` where no module has one.
  public let ranks: ClosedRange<Int>?
  /// The smallest and the largest alpha of modules that have one; `nil` where none has.
  public let alphas: ClosedRange<Double>?
  /// How many modules of a rank have no alpha.
  public let withoutAlpha: Int
  /// How many modules decompose the weight into magnitude and direction (DoRA).
  public let decomposed: Int
  /// How many modules are of convolutions with a kernel of more than one place.
  public let kernels: Int
  /// The kind of model that it was trained for, as far as it tells.
  public let origin: AdapterOrigin?

  /// Looks at a file; `nil` when it is no adapter, or one that contradicts itself.
  public init?(of checkpoint: Checkpoint) {
    guard let adapter = try? Adapter(checkpoint), adapter.file.isCertain else { return nil }
    self.adapter = adapter
    let file = adapter.file
    let modules = file.modules
    var kinds: [String: Int] = [:]
    for kind in modules.map(\.kind) + file.leftovers.compactMap(\.form) {
      kinds[kind, default: 0] += 1
    }
    self.kinds = kinds
    var counts: [String: Int] = [:]
    for scope in modules.map(\.name.likelyScope) { counts[scope, default: 0] += 1 }
    components = counts.map { (name: $0.key, modules: $0.value) }
      .sorted { ($1.modules, $0.name) < ($0.modules, $1.name) }
    let ranked = modules.filter { $0.rank != nil }
    let sizes = ranked.compactMap(\.rank)
    ranks = sizes.min().map { $0...(sizes.max() ?? $0) }
    let found: [Double?] = ranked.map { try? adapter.alpha(of: $0) }
    let numbers: [Double] = found.compactMap { $0 }
    alphas = numbers.min().map { $0...(numbers.max() ?? $0) }
    withoutAlpha = found.count { $0 == nil }
    decomposed = modules.count { $0.magnitude != nil }
    kernels = modules.count { $0.isKernel(in: file) }
    origin = file.origin(metadata: checkpoint.portableMetadata)
  }

  /// What people call it: by the commonest form, with magnitudes DoRA, in kohya's names with kernels
  /// LoCon.
  public var title: String {
    let commonest = kinds.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
    switch commonest {
    case "LoRA" where decomposed > 0: return "DoRA"
    case "LoRA" where kernels > 0 && adapter.file.naming == .kohya: return "LoCon"
    case "norm", "difference", "bias", "": return "differences of weights"
    default: return commonest
    }
  }

  /// The summary for machines.
  public var json: JSON {
    [
      "title": .string(title),
      "naming": adapter.file.naming.map { .string($0.rawValue) } ?? .null,
      "modules": .integer(adapter.file.modules.count),
      "forms": AdapterForms(kinds: kinds).json,
      "components": .object(
        JSONObject(components.map { ($0.name, .integer($0.modules)) })),
      "rank": ranks.map { [.integer($0.lowerBound), .integer($0.upperBound)] } ?? .null,
      "alpha": alphas.map { [.number($0.lowerBound), .number($0.upperBound)] } ?? .null,
      "modules_without_alpha": .integer(withoutAlpha),
      "decomposed": .integer(decomposed), "convolution_kernels": .integer(kernels),
      "trained_for": origin.map { .string($0.title) } ?? .null,
      "evidence": origin.map { .string($0.evidence) } ?? .null,
    ]
  }
}
