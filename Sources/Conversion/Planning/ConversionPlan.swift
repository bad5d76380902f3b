internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// What a conversion does, settled before a byte is written: which tensors go, under which names,
/// and what is said about them.
struct ConversionPlan {
  /// The tensors of the source, and of the VAE's file where one is baked in.
  let source: any TensorSource
  /// The account of every tensor of `source`.
  let ledger: Ledger
  /// The names of the result; `nil` when they stay as they are and nobody knows what they mean.
  let layout: Layout?
  /// Whether the tensors keep the names that the source gives them.
  let keepsNames: Bool
  /// What the source's tensors are, if that is known.
  let reading: LayoutReading?
  /// By component, with diffusers' field names.
  let configurations: [String: JSONObject]
  /// What is stated of the pipeline: its class, settings and components.
  let pipeline: JSONObject
  /// Files to carry along.
  let attachments: [String: [UInt8]]
  /// Of each tensor of `source`, the component that it is of.
  private let components: [Component?]
  /// The number of the model's own tensors, which come first.
  private let ownCount: Int

  /// Plans a conversion.
  ///
  /// - Throws: `LayoutError` and `ConversionError` for everything that makes it impossible.
  init(_ model: ReadModel, _ request: ConversionRequest) throws {
    let checkpoint = model.checkpoint
    pipeline = model.pipeline
    var source = checkpoint.checkedSource
    ownCount = source.tensors.count
    guard case .success(let reading) = model.reading else {
      let error = try Self.familyError(of: model, request)
      guard error == nil else { throw error ?? CancellationError() }
      self.source = source
      reading = nil
      components = [Component?](repeating: nil, count: source.tensors.count)
      // What a folder or an ingot states goes along with what nobody knows.
      let takesFiles = request.container.contents != .tensors
      configurations = takesFiles ? checkpoint.configurations : [:]
      attachments = takesFiles ? try checkpoint.attachments.files : [:]
      layout = nil
      keepsNames = true
      ledger = try Self.applyScales(
        in: try Self.select(
          .keeping(source.tensors), request, canonical: nil, components, origin: checkpoint.path),
        of: source, request, components, origin: checkpoint.path)
      return
    }
    let wanted = request.selection.components
    try reading.requireWhole(
      of: wanted.isEmpty ? reading.components : wanted, origin: checkpoint.path)
    if wanted.isEmpty { try reading.requireBothTextEncoders(origin: checkpoint.path) }
    let layout = try Self.layout(of: reading, checkpoint, request)
    var canonical = reading.ledger
    var configurations = reading.configurations
    if let path = request.vaePath {
      let graft = try Graft(of: .vae, from: path, into: reading)
      canonical = canonical.dropping {
        $0.description.name.hasPrefix(Component.vae.prefix) ? "replaced by \(path)" : nil
      }.joined(with: graft.ledger)
      source = JoinedTensors(source, graft.source)
      configurations[Component.vae.rawValue] = graft.configuration
    }
    components = canonical.entries.map(\.component)
    let isFolder = request.container.contents == .components
    let renamed = canonical.followed(
      by: try LayoutReading.ledger(
        writing: canonical.targets.map(\.description), as: layout,
        of: reading.detection.family, isFolder: isFolder))
    // A layout that was asked for by name is not kept in odd spellings.
    let isKept =
      layout == reading.detection.layout && checkpoint.format.contents == .tensors
      && request.container.contents == .tensors && !request.isPruned && request.vaePath == nil
      && (request.layout == nil || renamed.keepsNames)
    let ledger = (isKept ? .keeping(source.tensors) : renamed).dropping { target in
      reading.prediction.contradiction(by: target.description.name)
        ?? model.averageRefusal(of: target.description.name)
    }
    self.ledger = try Self.applyScales(
      in: try Self.select(
        ledger, request, canonical: canonical, components, origin: checkpoint.path),
      of: source, request, components, origin: checkpoint.path)
    try model.requireWeights(ledger, of: wanted)
    self.source = source
    self.layout = layout
    keepsNames = isKept
    self.reading = reading
    if !wanted.isEmpty {
      let names = Set(wanted.map(\.rawValue) + (wanted.contains(.unet) ? ["scheduler"] : []))
      configurations = configurations.filter { names.contains($0.key) }
    }
    self.configurations = configurations
    try Self.checkVariants(in: configurations, layout, isKept: isKept, origin: checkpoint.path)
    attachments = try model.attachments(for: configurations)
    // A wish about a component that is not there would be passed over in silence.
    let idle = request.componentTypes.keys.filter { !keptComponents.contains($0) }
    if let first = Component.allCases.first(where: idle.contains) {
      throw LayoutError(.absent([first]), origin: checkpoint.path)
    }
    if request.vaePath != nil, !keptComponents.contains(.vae) {
      throw ConversionError(
        path: request.output, problem: "a VAE is to be baked in and is not among the components")
    }
    if request.isStrict { try reading.requireExplained(origin: checkpoint.path) }
  }

  /// The tensors that no rule knows and that go along, because all names are kept.
  var keptUnexplained: [String] {
    guard keepsNames, let reading else { return [] }
    let kept = Set(ledger.targets.map(\.description.name))
    return reading.ledger.unexplained.filter(kept.contains)
  }

  /// The account of the model's own tensors, without those of a VAE that is baked in.
  var ownEntries: ArraySlice<Ledger.Entry> { ledger.entries.prefix(ownCount) }

  /// The component that a target is of.
  func component(of target: Ledger.Target) -> Component? {
    target.recipe.sources.first.flatMap { components[$0] }
  }

  /// The components that the result holds.
  var keptComponents: [Component] {
    let found = Set(ledger.targets.compactMap { component(of: $0) })
    return Component.allCases.filter(found.contains)
  }

  /// Why a model that nobody knows cannot be converted as asked; `nil` when it can.
  private static func familyError(
    of model: ReadModel, _ request: ConversionRequest
  ) throws -> (any Error)? {
    guard case .failure(let error) = model.reading else { return nil }
    guard error.isAboutFamily else { return error }
    let isFolder = request.container.contents == .components
    // What is stated about a model that nobody knows would be passed over in silence.
    return request.needsFamily || model.isOverridden || isFolder && !model.isConfigured
      ? error : nil
  }

  /// A variant has names in diffusers' layout alone.
  private static func checkVariants(
    in configurations: [String: JSONObject], _ layout: Layout, isKept: Bool, origin: String
  ) throws(ConversionError) {
    guard layout == .ldm, !isKept,
      let variant = ComponentVariant.all(in: configurations).first
    else { return }
    throw ConversionError(
      path: origin,
      problem: "the configuration of '\(variant.component.rawValue)' says \(variant.statement), "
        + "for which ldm names have no place; --layout diffusers keeps it")
  }

  /// Multiplies scales into the weights that are to be cast.
  private static func applyScales(
    in ledger: Ledger, of source: any TensorSource, _ request: ConversionRequest,
    _ components: [Component?], origin: String
  ) throws -> Ledger {
    let applied = try ledger.applyingScales(origin: origin) { target in
      let component = target.recipe.sources.first.flatMap { components[$0] }
      return request.elementType(of: component).map {
        CastTensors.suits(target.description.shape, $0)
      } ?? false
    }
    // One such number would be multiplied into all of its weight's.
    for case .scaled(_, let scale, _) in applied.targets.map(\.recipe) {
      for index in scale.sources {
        let view = try source.tensor(at: index)
        let count = view.withBytes { view.elementType.nonFiniteCount(in: $0) }
        guard count == 0 else {
          throw ConversionError(
            path: origin,
            problem: "the scale '\(view.name)' holds \(count) value\(count == 1 ? "" : "s") that "
              + "\(count == 1 ? "is" : "are") NaN or infinite, and was to be multiplied in")
        }
      }
    }
    return applied
  }

  /// Leaves out what is not asked for.
  private static func select(
    _ ledger: Ledger, _ request: ConversionRequest, canonical: Ledger?, _ components: [Component?],
    origin: String
  ) throws(ConversionError) -> Ledger {
    let selection = request.selection
    guard !selection.isEverything else { return ledger }
    var canonicalNames: [Recipe: [String]] = [:]
    for target in canonical?.targets ?? [] {
      canonicalNames[target.recipe, default: []].append(target.description.name)
      // The whole of what is split there goes by the names of all of its parts.
      for index in target.recipe.sources where target.recipe != .source(index) {
        canonicalNames[.source(index), default: []].append(target.description.name)
      }
    }
    func names(of target: Ledger.Target) -> [String] {
      [target.description.name] + (canonicalNames[target.recipe] ?? [])
        + target.recipe.sources.map { ledger.entries[$0].source.name }
    }
    let known = ledger.targets.map(names) + ledger.entries.map { [$0.source.name] }
    if let pattern = selection.unmatched(in: known) {
      throw ConversionError(
        path: origin, problem: "no tensor matches the pattern '\(pattern)'")
    }
    let selected = ledger.dropping { target in
      selection.refusal(
        of: names(of: target), component: target.recipe.sources.first.flatMap { components[$0] })
    }
    guard !selected.targets.isEmpty || ledger.targets.isEmpty else {
      throw ConversionError(
        path: origin, problem: "no tensor is left of what was asked for")
    }
    return selected
  }

  private static func layout(
    of reading: LayoutReading, _ checkpoint: Checkpoint, _ request: ConversionRequest
  ) throws(ConversionError) -> Layout {
    switch request.container.contents {
    case .model, .components:
      if let layout = request.layout, layout != .diffusers {
        throw ConversionError(
          path: request.output,
          problem:
            "layout \(layout.rawValue), but \(request.container.rawValue) has diffusers' names")
      }
      return .diffusers
    case .tensors:
      // One file for all components is what LDM's names are for.
      return request.layout
        ?? (checkpoint.format.contents == .tensors ? reading.detection.layout : .ldm)
    }
  }
}

extension Ledger.Entry {
  /// The component that the tensor is of, by its canonical name.
  var component: Component? {
    let name: String? =
      switch fate {
      case .mapped(let target), .part(let target): target.name
      case .split(let targets): targets.first?.name
      case .ignored, .unexplained: nil
      }
    return name.flatMap { name in Component.allCases.first { name.hasPrefix($0.prefix) } }
  }
}

extension ConversionRequest {
  /// Whether the result cannot be written without knowing what the tensors are. An ingot can, and a
  /// folder of what has configurations: they keep the names then.
  fileprivate var needsFamily: Bool {
    layout != nil || isPruned || isStrict
      || vaePath != nil || !selection.components.isEmpty || !componentTypes.isEmpty
  }
}

extension ReadModel {
  /// Whether every tensor is of a component with a configuration, and an index names several.
  fileprivate var isConfigured: Bool {
    let configurations = checkpoint.configurations
    let found = Set(checkpoint.source.tensors.map { String($0.name.prefix { $0 != "." }) })
    return !found.isEmpty && found.allSatisfy { configurations[$0]?.isEmpty == false }
      && (found.count == 1 || checkpoint.metadata["model_index"]?.objectValue != nil)
  }
}
