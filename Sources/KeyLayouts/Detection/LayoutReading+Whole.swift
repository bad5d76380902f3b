internal import TensorCore

extension LayoutReading {
  /// Throws the first thing that keeps the model from being whole, under the names that its own
  /// file has or should have.
  ///
  /// - Parameters:
  ///   - components: the components that have to be whole; all that are there by default.
  ///   - origin: the file or folder, for the message.
  /// - Throws: `LayoutError` for a component that is absent, or the first misshapen tensor, or else
  ///   the first missing one.
  public func requireWhole(
    of components: [Component]? = nil, origin: String
  ) throws(LayoutError) {
    let needed = components ?? self.components
    let absent = needed.filter { !self.components.contains($0) }
    if !absent.isEmpty { throw LayoutError(.absent(absent), origin: origin) }
    if let gap = firstGap(in: needed) { throw LayoutError(gap.problem, origin: origin) }
  }

  /// Refuses a U-Net beside one of the two text encoders that it attends to.
  ///
  /// - Throws: `LayoutError` that names the other one.
  public func requireBothTextEncoders(origin: String) throws(LayoutError) {
    let texts: [Component] = [.textEncoder, .textEncoder2]
    let absent = absentComponents.filter(texts.contains)
    guard detection.family == .stableDiffusionXL, components.contains(.unet), absent.count == 1
    else { return }
    throw LayoutError(.absent(absent), origin: origin)
  }

  /// The first misshapen tensor, or else the first missing one.
  public var firstGap: LayoutError? { firstGap(in: components) }

  private func firstGap(in components: [Component]) -> LayoutError? {
    func counts(_ name: String) -> Bool { components.contains { name.hasPrefix($0.prefix) } }
    if let misfit = ledger.misshapen.first(where: { counts($0.found.name) }) {
      let expected = inSourceLayout(misfit.found.name, misfit.expected)
      return LayoutError(
        .misshapen(
          source(of: misfit.found)?.name ?? expected.name,
          found: source(of: misfit.found)?.shape ?? misfit.found.shape, expected: expected.shape))
    }
    let missing = ledger.missing.filter { counts($0.name) }
    return missing.first.map { first in
      let expected = inSourceLayout(first.name, first.shape)
      // A fused tensor whose rows do not part is there under its own name.
      if let found = ledger.entries.first(where: { $0.source.name == expected.name })?.source,
        found.shape != expected.shape
      {
        return LayoutError(
          .misshapen(found.name, found: found.shape, expected: expected.shape))
      }
      return LayoutError(
        .missing(
          expected.name, expected: expected.shape, count: missing.count,
          nearest: NearestName.find(expected.name, among: ledger.unexplained)))
    }
  }

  /// Throws when a tensor is there that no rule knows.
  ///
  /// - Throws: `LayoutError` naming the first one and the expected name that is most like it.
  public func requireExplained(origin: String) throws(LayoutError) {
    let unexplained = ledger.unexplained
    guard let first = unexplained.first else { return }
    throw LayoutError(
      .unexplained(
        first, family: detection.family, count: unexplained.count,
        nearest: nearestToUnexplained[first]), origin: origin)
  }

  /// For the first ten tensors that no rule knows, the name that the layout has for a tensor and that
  /// is most like theirs.
  public var nearestToUnexplained: [String: String] {
    let unexplained = ledger.unexplained.prefix(10)
    guard !unexplained.isEmpty else { return [:] }
    let missing = ledger.missing.map { inSourceLayout($0.name, $0.shape).name }
    let known = ledger.entries.filter { $0.fate != .unexplained }.map(\.source.name)
    var nearest: [String: String] = [:]
    for name in unexplained {
      nearest[name] =
        NearestName.find(name, among: missing) ?? NearestName.find(name, among: known)
    }
    return nearest
  }

  /// The tensor of the checkpoint that a target is made of.
  private func source(of target: TensorDescription) -> TensorDescription? {
    let made = ledger.targets.first { $0.description == target }
    return made?.recipe.sources.first.map { ledger.entries[$0].source }
  }

  /// What the checkpoint's own layout calls a canonical tensor.
  private func inSourceLayout(_ name: String, _ shape: TensorShape) -> TensorDescription {
    let canonical = TensorDescription(name: name, elementType: .float32, shape: shape)
    return toSource.target(of: canonical) ?? canonical
  }
}
