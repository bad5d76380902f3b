internal import TensorCore

extension Ledger {
  /// The same account with scales multiplied into their weights, in float32, where the weight is to
  /// be cast. The scales, and the marker of a component that has no more of them, are left behind.
  ///
  /// This is what ComfyUI computes: `weight.to(float32) * scale.to(float32)`, rounded to a narrower
  /// type afterwards.
  ///
  /// - Parameters:
  ///   - origin: the file, for messages.
  ///   - isCast: whether a target will be cast to another floating type.
  /// - Throws: `LayoutError` when a scale is neither one value nor one for each row or block.
  public func applyingScales(
    origin: String? = nil, where isCast: (Target) -> Bool
  ) throws(LayoutError) -> Ledger {
    let descriptions = targets.map(\.description)
    let companions = WeightCompanions(in: descriptions)
    guard !companions.isEmpty else { return self }
    var applied = targets
    var dropped: [Int: String] = [:]
    var scaledNames: [String] = []
    for (weight, found) in companions.byWeight {
      let form = StoredForm(of: descriptions[weight], found, in: descriptions)
      guard let form, let scale = companions.companion(.scale, of: weight) else { continue }
      guard form.isMultipliable, isCast(targets[weight]) else {
        scaledNames.append(descriptions[weight].name)
        continue
      }
      guard ScaleGrid(descriptions[scale.index], of: descriptions[weight]) != nil else {
        throw LayoutError(
          .scale(descriptions[scale.index], of: descriptions[weight]), origin: origin)
      }
      var description = descriptions[weight]
      description.elementType = .float32
      applied[weight] = Target(
        description: description,
        recipe: .scaled(
          targets[weight].recipe, by: targets[scale.index].recipe,
          shape: descriptions[scale.index].shape))
      for companion in found {
        dropped[companion.index] =
          companion.role == .scale ? "multiplied into its weight" : Self.aboutScale
      }
    }
    guard !dropped.isEmpty else { return self }
    for (place, tensor) in descriptions.enumerated() where ScaledMarker.isMarker(tensor.name) {
      let prefix = ScaledMarker.prefix(of: tensor.name)
      if !scaledNames.contains(where: { $0.hasPrefix(prefix) }) { dropped[place] = Self.aboutScale }
    }
    var leftovers = ignoredFates
    for (place, reason) in dropped {
      for index in targets[place].recipe.sources { leftovers[index] = .ignored(reason: reason) }
    }
    let kept = applied.enumerated().filter { dropped[$0.offset] == nil }.map(\.element)
    return Ledger(sources: entries.map(\.source), targets: kept, leftovers: leftovers)
  }

  private static let aboutScale = "about a scale that was multiplied in"

  /// Whether scales have been multiplied into weights.
  public var appliesScales: Bool {
    targets.contains { if case .scaled = $0.recipe { true } else { false } }
  }
}
