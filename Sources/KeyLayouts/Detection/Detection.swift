public import TensorCore

/// A family, a layout, and what gave them away.
public struct Detection: Sendable, Hashable {
  /// The family.
  public let family: Family
  /// The layout of the names; LDM's when the components differ.
  public let layout: Layout
  /// The observations that led there, one line each.
  public let evidence: [String]
  /// Where each component that is there lies.
  let places: [ComponentPlace]
  /// The width of the text that the U-Net attends to.
  let contextWidth: Int?

  /// The components that are there.
  public var components: [Component] { places.map(\.component) }

  /// Finds the family of a set of names and shapes.
  ///
  /// - Throws: `LayoutError` when no known family has such names, or a component is there twice.
  public init(of tensors: [TensorDescription]) throws(LayoutError) {
    let clean = try NameCleaning.clean(tensors)
    try self.init(ofClean: clean, Names(clean.map(\.name)))
  }

  /// - Parameters:
  ///   - names: those of the tensors, clean.
  ///   - hint: the family of components that do not tell it.
  ///   - variants: the components that their configurations make other networks.
  init(
    ofClean tensors: [TensorDescription], _ names: Names, hint: FamilyHint? = nil,
    variants: [ComponentVariant] = []
  ) throws(LayoutError) {
    var (own, names) = (tensors, names)
    if names.hasModule(CarriedName.module) {
      own = tensors.filter { !CarriedName.isCarried($0.name) }
      names = Names(own.map(\.name))
    }
    let places = try ComponentPlace.all(in: names, own, variants)
    if let sign = ForeignSign(in: names, own, places) { throw LayoutError(sign.problem) }
    guard !places.isEmpty else {
      let first = tensors.first.map { "first tensor '\($0.name)'" } ?? "no tensors"
      throw LayoutError(.unknownFamily(hint: first))
    }
    self.places = places
    let signs = FamilySigns(places, own)
    let hint = signs.isCertain ? nil : hint
    family = hint?.family ?? signs.family
    contextWidth = signs.contextWidth
    try Self.checkHomes(of: places, family)
    layout = places.contains { $0.layout == .ldm } ? .ldm : .diffusers
    evidence =
      places.map { "\($0.component.title): \($0.evidence)" }
      + [hint?.evidence ?? signs.evidence]
      + (contextWidth.map { ["cross-attention context of \($0)"] } ?? [])
  }

  /// A single file keeps each text encoder where its family does.
  ///
  /// - Throws: `LayoutError` when one stands in another family's place beside a U-Net.
  private static func checkHomes(
    of places: [ComponentPlace], _ family: Family
  ) throws(LayoutError) {
    guard places.contains(where: { $0.component == .unet }) else { return }
    for place in places {
      // The second generation's encoder as transformers names it, where the first keeps its own.
      if family == .stableDiffusion2, place.naming == .transformers { continue }
      let homes = Family.allCases.filter { family in
        family.original.contains { $0.prefix == place.prefix && $0.component == place.component }
      }
      guard let home = homes.first, !homes.contains(family) else { continue }
      throw LayoutError(
        .misplaced(place.component, place.evidence, home: home, family: family))
    }
  }
}
