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

  /// The components that are there.
  public var components: [Component] { places.map(\.component) }

  /// Finds the family of a set of names and shapes.
  ///
  /// - Throws: `LayoutError` when no known family has such names, or one that cannot be mapped.
  public init(of tensors: [TensorDescription]) throws(LayoutError) {
    let names = Names(tensors.map(\.name))
    let places = Component.allCases.compactMap { ComponentPlace(of: $0, in: names) }
    if let sign = ForeignSign(in: tensors, names, places) { throw LayoutError(sign.problem) }
    guard !places.isEmpty else {
      let first = tensors.first.map { "first tensor '\($0.name)'" } ?? "no tensors"
      throw LayoutError(.unknownFamily(hint: first))
    }
    self.places = places
    family = .stableDiffusion1
    layout = places.contains { $0.layout == .ldm } ? .ldm : .diffusers
    evidence =
      places.map { place in
        let start = place.prefix.isEmpty ? "bare names" : "names start with '\(place.prefix)'"
        return "\(place.component.title): \(start)"
      }
      + (ForeignSign.contextWidth(of: tensors).map { ["cross-attention context of \($0)"] } ?? [])
  }
}
