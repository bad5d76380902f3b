internal import TensorCore

/// The rules of all families: which component has which modules, here and there.
enum FamilyTable {
  /// The rules from a checkpoint's names to canonical ones, for the blocks that the names show. A
  /// variant's names stay.
  ///
  /// - Throws: `LayoutError` when the blocks of a component do not add up to levels.
  static func reading(
    _ detection: Detection, _ names: Names, _ variants: [ComponentVariant] = []
  ) throws(LayoutError) -> RuleTable {
    var rules: [ModuleRule] = []
    var fused: [FusedRule] = []
    var surplus: [String] = []
    for place in detection.places {
      if variants.contains(where: { $0.component == place.component }) {
        rules.append(ModuleRule(place.component.rawValue, place.component.rawValue))
        continue
      }
      let found = try self.rules(
        of: place.component, place.naming, names, place.prefix, detection.family)
      rules += found.rules.map { $0.below(place.prefix, place.component.prefix) }
      fused += found.fused.map { $0.below(place.prefix, place.component.prefix) }
      surplus += found.surplus.map { place.prefix + $0 }
      let marker = ScaledMarker.rule.below(place.prefix, place.component.prefix)
      // Of components with the same front, the first has it.
      if !rules.contains(where: { $0.source == marker.source }) { rules.append(marker) }
    }
    return RuleTable(rules: rules, fused: fused, ignored: LeftBehind.rules(surplus: surplus))
  }

  /// The rules of one component, without prefixes.
  private static func rules(
    of component: Component, _ naming: Naming, _ names: Names, _ prefix: String, _ family: Family
  ) throws(LayoutError) -> (rules: [ModuleRule], fused: [FusedRule], surplus: [String]) {
    switch (component, naming) {
    case (.unet, .ldm):
      guard let plan = UNetPlan(ldm: names, prefix: prefix) else {
        let first = prefix + "input_blocks.0.0.weight"
        throw LayoutError(names.contains(first) ? .irregular(component) : .noMeasure(first))
      }
      return (plan.rules, [], [])
    case (.controlNet, .ldm):
      guard let plan = ControlNetPlan(ldm: names, prefix: prefix) else {
        throw LayoutError(.irregular(component))
      }
      return (plan.rules, [], [])
    case (.vae, .ldm):
      guard let plan = VAEPlan(ldm: names, prefix: prefix) else {
        throw LayoutError(.irregular(component))
      }
      return (plan.rules, [], [])
    case (.unet, _): return (UNetPlan.modules.map { ModuleRule($0, $0) }, [], [])
    case (.controlNet, _): return (ControlNetPlan.modules.map { ModuleRule($0, $0) }, [], [])
    case (.vae, _): return (VAEPlan.canonicalRules, [], [])
    case (.textEncoder, .openCLIP), (.textEncoder2, .openCLIP):
      let blocks = "transformer.resblocks"
      let layers = names.count(below: prefix + blocks)
      // Stable Diffusion 2.x takes what the last block but one says; diffusers leaves the last out,
      // by its number: a smaller encoder keeps all.
      let used = family == .stableDiffusion2 && layers == 24 ? 23 : layers
      let plan = TextEncoderPlan.openCLIP(component, layers: used)
      return (plan.rules, plan.fused, (used..<layers).map { "\(blocks).\($0)" })
    case (.textEncoder, _), (.textEncoder2, _):
      return (TextEncoderPlan.transformers(component), [], [])
    }
  }

  /// The rules from canonical names to those of a family's single file. What travelled along takes
  /// its place again, except for whole networks that only folders hold.
  static func toOriginal(_ names: Names, _ family: Family) -> RuleTable {
    original(names, family).inverse { name in
      let companion = LeftBehind.companion(of: name)
      return companion.map { .dropped(reason: $0) } ?? .restored
    }
  }

  /// The rules from the names of a family's single file to canonical ones.
  ///
  /// - Parameter names: the canonical names of the whole model.
  static func fromOriginal(_ names: Names, _ family: Family) -> RuleTable {
    let table = original(names, family)
    let blocks = family.original.filter { $0.naming == .openCLIP }.flatMap { place in
      let used = names.count(below: place.component.prefix + "text_model.encoder.layers")
      return used == 23 ? ["\(place.prefix)transformer.resblocks.23"] : []
    }
    return RuleTable(
      rules: table.rules, fused: table.fused, ignored: LeftBehind.rules(surplus: blocks))
  }

  private static func original(_ names: Names, _ family: Family) -> RuleTable {
    var rules: [ModuleRule] = []
    var fused: [FusedRule] = []
    for place in family.original {
      let prefix = place.component.prefix
      switch place.component {
      case .unet: rules += below(place, UNetPlan(diffusers: names, prefix: prefix)?.rules ?? [])
      case .controlNet:
        rules += below(place, ControlNetPlan(diffusers: names, prefix: prefix)?.rules ?? [])
      case .vae: rules += below(place, VAEPlan(diffusers: names, prefix: prefix)?.rules ?? [])
      case .textEncoder, .textEncoder2:
        if place.naming == .openCLIP {
          let layers = names.count(below: prefix + "text_model.encoder.layers")
          let plan = TextEncoderPlan.openCLIP(place.component, layers: layers)
          rules += below(place, plan.rules)
          fused += plan.fused.map { $0.below(place.prefix, prefix) }
        } else {
          rules += below(place, TextEncoderPlan.transformers(place.component))
        }
      }
      rules += below(place, [ScaledMarker.rule])
    }
    return RuleTable(rules: rules, fused: fused)
  }

  /// The rules from canonical names to diffusers' own, which they are.
  ///
  /// - Parameter isFolder: whether a pipeline's folder is written, which has a place for each of its
  ///   networks and for nothing else. A single file keeps what travels along.
  static func toDiffusers(isFolder: Bool) -> RuleTable {
    RuleTable(rules: Component.allCases.map { ModuleRule($0.rawValue, $0.rawValue) }) { name in
      guard isFolder else { return .kept }
      return LeftBehind.companion(of: name) == nil
        ? .dropped(reason: LeftBehind.reason(for: name)) : .restored
    }
  }

  private static func below(_ place: OriginalPlace, _ rules: [ModuleRule]) -> [ModuleRule] {
    rules.map { $0.below(place.prefix, place.component.prefix) }
  }
}
