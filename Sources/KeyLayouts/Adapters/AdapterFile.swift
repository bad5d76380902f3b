public import TensorCore

/// The modules of an adapter's file, found by names and shapes; never by bytes.
public struct AdapterFile: Sendable, Hashable {
  /// A tensor that is no part of a module, and why.
  public struct Leftover: Sendable, Hashable {
    /// The tensor's place in the file.
    public let index: Int
    /// The reason, as reports print it.
    public let reason: String
    /// Whether it is known what it is: an embedding that travels with the LoRA.
    public let isKnown: Bool
    /// The form that it is a part of, where that is known by its name alone: OFT.
    public var form: String?
    /// Whether it is a part of a module that lacks its other half.
    public var isHalf = false
  }

  /// The tensors of the file.
  public let tensors: [TensorDescription]
  /// The modules, in the order of their first tensors.
  public let modules: [AdapterModule]
  /// Tensors that are no part of them.
  public let leftovers: [Leftover]
  /// How many modules lack a part without which they change nothing.
  public let incompleteCount: Int

  /// Takes a file's tensors apart.
  ///
  /// - Throws: `AdapterError` when the tensors of a module contradict each other, or the file is of
  ///   a kind that cannot be used.
  public init(of tensors: [TensorDescription]) throws(AdapterError) {
    self.tensors = tensors
    if tensors.contains(where: { $0.name == "lora_controlnet" }) {
      throw AdapterError(
        .unsupported("is a control-LoRA, which makes a ControlNet of a U-Net and changes no model"))
    }
    var order: [AdapterModuleName] = []
    var parts: [AdapterModuleName: [AdapterRole: Int]] = [:]
    var namings: [AdapterModuleName: AdapterNaming] = [:]
    var leftovers: [Leftover] = []
    for (index, tensor) in tensors.enumerated() {
      guard let key = AdapterKey(tensor.name) else {
        leftovers.append(Self.leftover(tensor.name, at: index))
        continue
      }
      if let first = parts[key.module]?[key.role] {
        leftovers.append(
          Leftover(
            index: index, reason: "the same as '\(tensors[first].name)'", isKnown: false))
        continue
      }
      if parts[key.module] == nil { order.append(key.module) }
      parts[key.module, default: [:]][key.role] = index
      if let naming = key.naming { namings[key.module] = naming }
    }
    var modules: [AdapterModule] = []
    for name in order {
      let found = parts[name] ?? [:]
      let module = try AdapterModule(name, found, naming: namings[name], in: tensors)
      if let module {
        modules.append(module)
      } else {
        let roles = found.keys.map(\.rawValue).sorted().joined(separator: ", ")
        leftovers += found.values.map {
          Leftover(
            index: $0, reason: "its module has nothing but \(roles)", isKnown: false, isHalf: true)
        }
      }
    }
    self.modules = modules
    incompleteCount = order.count - modules.count
    self.leftovers = leftovers.sorted { $0.index < $1.index }
  }

  /// Forms that are known by their names and have no place here.
  private static let unsupported: [(part: String, title: String)] = [
    ("oft_blocks", "OFT"), ("oft_diag", "OFT"), ("oft_R", "OFT"), ("boft_R", "BOFT"),
    ("on_input", "(IA)³"), ("ia3_l", "(IA)³"), ("lora_E", "AdaLoRA"), ("ranknum", "AdaLoRA"),
    ("vera_lambda_b", "VeRA"), ("vera_lambda_d", "VeRA"), ("glora_A", "PEFT's GLoRA"),
    ("glora_B", "PEFT's GLoRA"), ("lora_embedding_A", "a LoRA of an embedding"),
    ("lora_embedding_B", "a LoRA of an embedding"), ("set_weight", "a weight to set"),
    ("reshape_weight", "a weight of another shape"),
  ]

  private static func leftover(_ name: String, at index: Int) -> Leftover {
    if name.hasPrefix("bundle_emb.") {
      return Leftover(index: index, reason: "an embedding bundled with the LoRA", isKnown: true)
    }
    let parts = name.split(separator: ".")
    if let match = unsupported.first(where: { form in parts.contains { $0 == form.part } }) {
      return Leftover(
        index: index, reason: "\(match.title), which cannot be merged", isKnown: false,
        form: match.title)
    }
    return Leftover(index: index, reason: noPart, isKnown: false)
  }

  private static let noPart = "no known part of a LoRA"

  /// Why the file has no modules, as far as its tensors tell: what there is of a LoRA, or the first
  /// tensor.
  public var emptyHint: String {
    if let part = leftovers.first(where: { !$0.isKnown && $0.reason != Self.noPart }) {
      return "'\(tensors[part.index].name)': \(part.reason)"
    }
    return tensors.first.map { "first tensor '\($0.name)'" } ?? "no tensors"
  }

  /// Whether the file is an adapter: most of its tensors are parts of modules that only adapters
  /// have. A model's own `….diff` or `….a1.weight` would not do.
  public var isCertain: Bool {
    let parts = modules.reduce(0) { $0 + $1.parts.count }
    return parts * 2 > tensors.count
  }

  /// The tensors of modules that lack their other half, where the file is an adapter otherwise, or
  /// would be one.
  public var halves: [Leftover] {
    let halves = leftovers.filter(\.isHalf)
    let parts = modules.reduce(halves.count) { $0 + $1.parts.count }
    return parts * 2 > tensors.count ? halves : []
  }

  /// The naming of most modules; `nil` when none tells.
  public var naming: AdapterNaming? {
    let counts = Dictionary(grouping: modules.compactMap(\.naming), by: { $0 }).mapValues(\.count)
    return AdapterNaming.allCases.max { counts[$0, default: 0] < counts[$1, default: 0] }
      .flatMap { counts[$0] == nil ? nil : $0 }
  }
}
