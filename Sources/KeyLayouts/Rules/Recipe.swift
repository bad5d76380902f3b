public import TensorCore

/// How a target's bytes come from the tensors of a source.
public indirect enum Recipe: Sendable, Hashable {
  /// The tensor at an index of the source, reshaped where the target's shape differs.
  case source(Int)
  /// One of several equal parts along the first dimension.
  case rows(of: Recipe, part: Int, count: Int)
  /// Several tensors, one below the other.
  case joined([Recipe])
  /// A matrix with rows and columns exchanged.
  case transposed(Recipe)
  /// One value, so many times.
  case repeated(Recipe, count: Int)
  /// A weight multiplied with the scale beside it, which has this shape, in float32.
  case scaled(Recipe, by: Recipe, shape: TensorShape)

  /// The indices of the source's tensors whose values go on.
  public var sources: [Int] {
    switch self {
    case .source(let index): [index]
    case .rows(let whole, _, _): whole.sources
    case .joined(let parts): parts.flatMap(\.sources)
    case .transposed(let matrix): matrix.sources
    case .repeated(let value, _): value.sources
    case .scaled(let weight, _, _): weight.sources
    }
  }

  /// The same, each once.
  var distinctSources: Set<Int> {
    if case .source(let index) = self { return [index] }
    return Set(sources)
  }

  /// Whether it is one tensor of the source with all of its values.
  var isWhole: Bool {
    switch self {
    case .source: true
    case .transposed(let matrix): matrix.isWhole
    case .scaled(let weight, _, _): weight.isWhole
    case .rows, .joined, .repeated: false
    }
  }

  /// The same recipe of a source that stands behind so many other tensors.
  func shifted(by offset: Int) -> Recipe {
    switch self {
    case .source(let index): .source(index + offset)
    case .rows(let whole, let part, let count):
      .rows(of: whole.shifted(by: offset), part: part, count: count)
    case .joined(let parts): .joined(parts.map { $0.shifted(by: offset) })
    case .transposed(let matrix): .transposed(matrix.shifted(by: offset))
    case .repeated(let value, let count): .repeated(value.shifted(by: offset), count: count)
    case .scaled(let weight, let scale, let shape):
      .scaled(weight.shifted(by: offset), by: scale.shifted(by: offset), shape: shape)
    }
  }

  /// The same recipe with each tensor of its source made by a recipe of its own. What undoes itself
  /// vanishes: the parts of a joined tensor, the join of all parts, a matrix transposed twice.
  func over(_ recipes: [Recipe]) -> Recipe {
    switch self {
    case .source(let index): return recipes[index]
    case .transposed(let matrix):
      let inner = matrix.over(recipes)
      if case .transposed(let plain) = inner { return plain }
      return .transposed(inner)
    case .repeated(let value, let count): return .repeated(value.over(recipes), count: count)
    case .scaled(let weight, let scale, let shape):
      return .scaled(weight.over(recipes), by: scale.over(recipes), shape: shape)
    case .rows(let whole, let part, let count):
      let inner = whole.over(recipes)
      if case .joined(let parts) = inner, parts.count == count { return parts[part] }
      return .rows(of: inner, part: part, count: count)
    case .joined(let parts):
      let inner = parts.map { $0.over(recipes) }
      if case .rows(let whole, 0, inner.count)? = inner.first,
        inner.enumerated().allSatisfy({
          $1 == .rows(of: whole, part: $0, count: inner.count)
        })
      {
        return whole
      }
      return .joined(inner)
    }
  }
}
