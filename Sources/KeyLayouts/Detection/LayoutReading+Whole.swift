internal import TensorCore

extension LayoutReading {
  /// Throws the first thing that keeps the model from being whole, under the names that its own
  /// file has or should have.
  ///
  /// - Parameter origin: the file or folder, for the message.
  /// - Throws: `LayoutError` for the first misshapen tensor, or else the first missing one.
  public func requireWhole(origin: String) throws(LayoutError) {
    if let gap = firstGap { throw LayoutError(gap.problem, origin: origin) }
  }

  /// The first misshapen tensor, or else the first missing one.
  public var firstGap: LayoutError? {
    if let misfit = ledger.misshapen.first {
      let expected = inSourceLayout(misfit.found.name, misfit.expected)
      return LayoutError(
        .misshapen(
          source(of: misfit.found)?.name ?? expected.name,
          found: source(of: misfit.found)?.shape ?? misfit.found.shape, expected: expected.shape))
    }
    return ledger.missing.first.map { first in
      let expected = inSourceLayout(first.name, first.shape)
      // A fused tensor whose rows do not part is there under its own name.
      if let found = ledger.entries.first(where: { $0.source.name == expected.name })?.source,
        found.shape != expected.shape
      {
        return LayoutError(
          .misshapen(found.name, found: found.shape, expected: expected.shape))
      }
      return LayoutError(
        .missing(expected.name, expected: expected.shape, count: ledger.missing.count))
    }
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
