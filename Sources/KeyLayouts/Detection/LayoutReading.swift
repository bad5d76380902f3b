public import TensorCore

/// A checkpoint's tensors understood: which family, what becomes of each, and the configurations
/// that their shapes imply.
public struct LayoutReading: Sendable {
  /// The family and the layout.
  public let detection: Detection
  /// The account of every tensor.
  public let ledger: Ledger
  /// diffusers' configuration of each component that is there, and of the scheduler.
  public let configurations: [String: JSONObject]
  /// The rules from canonical names to those of the checkpoint.
  let toSource: RuleTable

  /// Reads names and shapes; never bytes.
  ///
  /// - Parameters:
  ///   - tensors: the checkpoint's tensors. Those of a diffusers folder bear their component in
  ///     front: `unet.conv_in.weight`.
  ///   - metadata: the checkpoint's metadata, for what shapes do not show.
  /// - Throws: `LayoutError` when the family is unknown or has no table
  ///   (`LayoutError.isAboutFamily`), two tensors stand for one, or one that tells a component's
  ///   size is missing. Other gaps are in the ledger, absent components in `absentComponents`.
  public init(
    of tensors: [TensorDescription], metadata: JSONObject = [:]
  ) throws(LayoutError) {
    detection = try Detection(of: tensors)
    let table = try StableDiffusion1.reading(detection.places, Names(tensors.map(\.name)))
    toSource = table.inverse
    var ledger = try table.ledger(for: tensors)
    let targets = ledger.mapped.map(\.target)
    let names = Names(targets.map(\.name))
    let measures = Measures(targets, toSource: toSource)
    let facts = TrainingFacts(metadata: metadata)
    var expected: [(name: String, shape: TensorShape)] = []
    var configurations: [String: JSONObject] = [:]
    for component in detection.components {
      switch component {
      case .unet:
        guard let plan = UNetPlan(diffusers: names, prefix: component.prefix) else {
          throw LayoutError(.irregular(component))
        }
        let sizes = try UNetDimensions(plan: plan, measures: measures)
        expected += sizes.expected
        configurations["unet"] = Configurations.unet(sizes, facts)
        configurations["scheduler"] = Configurations.scheduler(facts)
      case .vae:
        guard let plan = VAEPlan(diffusers: names, prefix: component.prefix) else {
          throw LayoutError(.irregular(component))
        }
        let sizes = try VAEDimensions(plan: plan, measures: measures)
        expected += sizes.expected
        configurations["vae"] = Configurations.vae(sizes, facts)
      case .textEncoder:
        let sizes = try TextEncoderDimensions(names: names, measures: measures)
        let type = targets.first { $0.name.hasPrefix(TextEncoderDimensions.prefix) }?.elementType
        expected += sizes.expected
        configurations["text_encoder"] = Configurations.textEncoder(sizes, type ?? .float32)
      }
    }
    ledger.check(against: expected)
    self.ledger = ledger
    self.configurations = configurations
  }

  /// The components that are there; one alone, or fewer than all, are a valid reading.
  public var components: [Component] { detection.components }

  /// The components that the family has and this checkpoint lacks.
  public var absentComponents: [Component] {
    Component.allCases.filter { !components.contains($0) }
  }

  /// The account of canonical tensors on their way into a layout.
  ///
  /// - Throws: `LayoutError` when two tensors would get one name.
  public static func ledger(
    writing tensors: [TensorDescription], as layout: Layout
  ) throws(LayoutError) -> Ledger {
    switch layout {
    case .ldm:
      try StableDiffusion1.toOriginal(Names(tensors.map(\.name))).ledger(for: tensors)
    case .diffusers: try StableDiffusion1.toDiffusers.ledger(for: tensors)
    }
  }
}
