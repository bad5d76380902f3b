public import TensorCore

/// A checkpoint's tensors understood: which family, what becomes of each, and the configurations
/// that their shapes imply.
public struct LayoutReading: Sendable {
  /// The family and the layout.
  public let detection: Detection
  /// The account of every tensor.
  public let ledger: Ledger
  /// What the network predicts, and how that is known.
  public let prediction: Prediction
  /// The configuration of each component that is there, and of the scheduler, with a note for each
  /// field of how it is known.
  public let noted: [String: NotedConfiguration]
  /// The rules from canonical names to those of the checkpoint.
  let toSource: RuleTable
  /// The components that their configurations make other networks than the family's table describes.
  public let variants: [ComponentVariant]
  /// What is worth knowing about the model although nothing is wrong with it, a line each.
  public let remarks: [String]
  /// The rules from the names of the family's single file to canonical ones.
  private let fromOriginal: RuleTable

  /// diffusers' configuration of each component that is there, and of the scheduler.
  public var configurations: [String: JSONObject] { noted.mapValues(\.fields) }

  /// Reads names and shapes; never bytes.
  ///
  /// - Parameters:
  ///   - tensors: the checkpoint's tensors. Those of a diffusers folder bear their component in
  ///     front: `unet.conv_in.weight`.
  ///   - metadata: the checkpoint's metadata, for what shapes do not show.
  ///   - stated: the configurations that the checkpoint states, by component. They count for more
  ///     than what shapes and the family imply.
  ///   - markers: the values of tensors that say something about the model: `edm_mean`.
  ///   - overrides: what the user states, which counts for most.
  /// - Throws: `LayoutError` when the family is unknown (`LayoutError.isAboutFamily`), two tensors
  ///   stand for one, a component is there twice, or a tensor that tells a component's size is
  ///   missing, or the user's configuration contradicts the shapes. Other gaps are in the ledger, absent components in `absentComponents`.
  public init(
    of tensors: [TensorDescription], metadata: JSONObject = [:],
    stated: [String: JSONObject] = [:], markers: [String: [Double]] = [:],
    overrides: ConfigurationOverrides = ConfigurationOverrides()
  ) throws(LayoutError) {
    let clean = try NameCleaning.clean(tensors)
    // Layers are known by their shapes, whatever is packed into a byte.
    let layers = StoredForms.unpacked(clean).map(\.tensor)
    let allNames = Names(clean.map(\.name))
    if let name = stated["unet"]?["_class_name"]?.stringValue, name != "UNet2DConditionModel" {
      throw LayoutError(.unknownFamily(hint: "'unet' is a \(name)"))
    }
    let carried = CarriedConfiguration(metadata: metadata, stated: stated)
    let known = stated.merging(carried.fields) { first, _ in first }
    let variants = ComponentVariant.all(in: known)
    detection = try Detection(
      ofClean: layers, allNames, hint: overrides.familyHint(metadata, stated), variants: variants)
    let components = detection.components
    let tabled = components.filter { component in
      !variants.contains { $0.component == component }
    }
    self.variants = variants.filter { components.contains($0.component) }
    let table = try FamilyTable.reading(detection, allNames, variants)
    // What travelled along here already goes on under the name that it has here.
    let travelled = Set(clean.map(\.name).filter(CarriedName.isCarried))
    toSource = table.inverse { travelled.contains(CarriedName.prefix + $0) ? .kept : .restored }
    var ledger = try table.ledger(for: clean)
    let targets = ledger.targets.map(\.description)
    let targetNames = targets.map(\.name)
    let names = targetNames == allNames.all ? allNames : Names(targetNames)
    let measures = Measures(StoredForms.unpacked(targets).map(\.tensor), toSource: toSource)
    let everything = known.merging(overrides.configurations) { $0.merging($1) }
    let sizes: ComponentSizes
    do throws(LayoutError) {
      sizes = try ComponentSizes(tabled, names, measures, stated: everything)
      try sizes.checkConditions(detection.family, everything, measures)
    } catch {
      // What no rule knows, and what stands below a module that no module has.
      let odd = zip(tensors, ledger.entries).filter { tensor, entry in
        entry.fate == .unexplained || ![".weight", ".bias"].contains(where: tensor.name.hasSuffix)
      }
      throw error.naming(nearestAmong: odd.map(\.0.name))
    }
    try sizes.checkWidths()
    ledger.check(against: sizes.expected, except: variants.map(\.component))
    self.ledger = ledger.naming(tensors)
    fromOriginal = FamilyTable.fromOriginal(names, detection.family)
    let network = sizes.unet ?? sizes.controlNet?.unet
    prediction = overrides.prediction(
      stated, metadata,
      else: Prediction(
        names: allNames, metadata: metadata, family: detection.family,
        condition: network?.condition ?? .nothing))
    let configurations = Configurations(
      family: detection.family, facts: TrainingFacts(metadata: metadata, markers: markers),
      prediction: prediction,
      pooledWidth: sizes.textEncoders.compactMap(\.projectionWidth).last,
      elementTypes: Dictionary(
        detection.components.compactMap { component in
          targets.first { $0.name.hasPrefix(component.prefix) }.map { (component, $0.elementType) }
        }, uniquingKeysWith: { first, _ in first }))
    noted = try overrides.merge(
      configurations.all(of: sizes), stated, carried.fields, prediction)
    let contradiction =
      sizes.unet == nil
      ? nil : prediction.contradiction(among: allNames, metadata, detection.family)
    remarks = sizes.remarks(noted) + [contradiction].compactMap(\.self)
  }

  /// The components that are there; one alone, or fewer than all, are a valid reading.
  public var components: [Component] { detection.components }

  /// The components that a whole model of the family has and this checkpoint lacks.
  public var absentComponents: [Component] {
    detection.family.components.filter { !components.contains($0) }
  }

  /// The account of canonical tensors, all or some of them, on their way back to the names that this
  /// checkpoint has.
  public func ledger(
    writingBack tensors: [TensorDescription]
  ) throws(LayoutError) -> Ledger {
    try toSource.ledger(for: tensors)
  }

  /// The account of tensors under the names of the family's single file, all or some of them, on
  /// their way to canonical ones.
  public func ledger(
    readingBack tensors: [TensorDescription]
  ) throws(LayoutError) -> Ledger {
    try fromOriginal.ledger(for: tensors)
  }

  /// The account of canonical tensors on their way into a layout.
  ///
  /// - Parameters:
  ///   - family: the family whose single file is written.
  ///   - isFolder: whether a pipeline's folder is written.
  /// - Throws: `LayoutError` when two tensors would get one name.
  public static func ledger(
    writing tensors: [TensorDescription], as layout: Layout, of family: Family,
    isFolder: Bool = false
  ) throws(LayoutError) -> Ledger {
    switch layout {
    case .ldm:
      try FamilyTable.toOriginal(Names(tensors.map(\.name)), family).ledger(for: tensors)
    case .diffusers: try FamilyTable.toDiffusers(isFolder: isFolder).ledger(for: tensors)
    }
  }
}
