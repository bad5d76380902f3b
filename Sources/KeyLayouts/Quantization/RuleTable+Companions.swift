internal import TensorCore

extension RuleTable {
  /// Makes targets for the companions of weights: the same part, in the same order, under the name
  /// beside the weight's own.
  ///
  /// - Parameters:
  ///   - made: the targets of every tensor, those of the weights among them.
  ///   - leftovers: what becomes of tensors without targets.
  /// - Throws: `LayoutError` when a scale cannot be divided or joined as its weight is.
  func place(
    _ companions: WeightCompanions, of tensors: [TensorDescription],
    into made: inout [[Ledger.Target]], _ leftovers: inout [Int: Ledger.Fate]
  ) throws(LayoutError) {
    var uses: [Int: [Ledger.Target]] = [:]
    for target in made.joined() {
      for index in target.recipe.sources { uses[index, default: []].append(target) }
    }
    for (weight, found) in companions.byWeight {
      for companion in found {
        let index = companion.index
        guard let targets = uses[weight] else {
          leftovers[index] = leftovers[weight]
          continue
        }
        for target in targets {
          guard case .joined(let parts) = target.recipe else {
            let follower = CompanionPath(companion, tensors[index], of: tensors[weight])
            made[index].append(try follower.target(beside: target))
            continue
          }
          guard companion.role == .scale else {
            leftovers[index] = .ignored(reason: "of one part of what is one weight here")
            continue
          }
          // Once, in the place of the first part's.
          if parts.first == .source(weight) {
            made[index].append(try join(parts, into: target, companion, companions, tensors))
          }
        }
      }
    }
  }

  /// The scales of weights that are joined: one value for each part becomes one a row.
  private func join(
    _ parts: [Recipe], into target: Ledger.Target, _ companion: WeightCompanions.Companion,
    _ companions: WeightCompanions, _ tensors: [TensorDescription]
  ) throws(LayoutError) -> Ledger.Target {
    let name = companion.spelling.name(beside: target.description.name)
    let type = tensors[companion.index].elementType
    var recipes: [Recipe] = []
    var rows = 0
    var behind: [Int]?
    for weight in parts.flatMap(\.sources) {
      let scale = companions.companion(.scale, of: weight)
      guard let scale, tensors[scale.index].elementType == type else {
        throw LayoutError(.unequalScales(target.description.name, part: tensors[weight].name))
      }
      let path = CompanionPath(scale, tensors[scale.index], of: tensors[weight])
      guard let (recipe, shape) = path.byRow, behind == nil || behind == Array(shape.dropFirst())
      else {
        throw LayoutError(.unequalScales(target.description.name, part: tensors[weight].name))
      }
      recipes.append(recipe)
      rows += shape[0]
      behind = Array(shape.dropFirst())
    }
    return Ledger.Target(
      description: TensorDescription(
        name: name, elementType: type, shape: TensorShape([rows] + (behind ?? []))),
      recipe: .joined(recipes))
  }
}

/// The way of a companion along with its weight.
private struct CompanionPath {
  private let companion: WeightCompanions.Companion
  private let tensor: TensorDescription
  private let weight: TensorDescription

  init(
    _ companion: WeightCompanions.Companion, _ tensor: TensorDescription,
    of weight: TensorDescription
  ) {
    self.companion = companion
    self.tensor = tensor
    self.weight = weight
  }

  /// Whether there are several values, in rows that are the weight's, or blocks of them.
  private var hasRows: Bool {
    guard companion.role == .scale, let rows = weight.shape.dimensions.first,
      let count = tensor.shape.dimensions.first
    else { return false }
    return count > 1 && rows % count == 0
  }

  /// The companion in the place beside a target that is made of its weight alone.
  func target(beside target: Ledger.Target) throws(LayoutError) -> Ledger.Target {
    var description = tensor
    description.name = companion.spelling.name(beside: target.description.name)
    var recipe = Recipe.source(companion.index)
    switch target.recipe {
    case .rows(_, let part, let count) where hasRows:
      guard tensor.shape[0] % count == 0 else {
        throw LayoutError(.scale(tensor, of: weight))
      }
      recipe = .rows(of: recipe, part: part, count: count)
      description.shape = TensorShape(
        [tensor.shape[0] / count] + tensor.shape.dimensions.dropFirst())
    case .transposed where tensor.shape.rank == 2:
      recipe = .transposed(recipe)
      description.shape = TensorShape(tensor.shape.dimensions.reversed())
    case .transposed where hasRows:
      // One value a row there is one a column here.
      description.shape = TensorShape([1, tensor.shape.elementCount])
    default: break
    }
    return Ledger.Target(description: description, recipe: recipe)
  }

  /// The values as one a row of the weight, `[O]` or `[O, …]`; `nil` where they cannot be.
  var byRow: (recipe: Recipe, shape: [Int])? {
    guard let rows = weight.shape.dimensions.first else { return nil }
    if tensor.shape.elementCount == 1 {
      return (.repeated(.source(companion.index), count: rows), [rows])
    }
    return tensor.shape.dimensions.first == rows
      ? (.source(companion.index), tensor.shape.dimensions) : nil
  }
}
