/// A model as a weighted sum of others whose weights add up to 1, by least squares over all tensors.
///
/// `T ≈ Σ rₖ Pₖ` with `Σ rₖ = 1`: weighted sums, and with a negative weight sums of differences,
/// `A + r (B − C)`.
public struct MergeSolution: Sendable, Hashable {
  /// The numbers of the parents.
  public let parents: [Int]
  /// The weight of each parent.
  public let ratios: [Double]
  /// The norm of what the sum leaves, as a share of the distance to the nearest parent.
  public let residual: Double
  /// The same as a share of the model's weights.
  public let relativeResidual: Double
  /// The norm of what the sum leaves.
  let rest: Double

  /// Whether all weights are between 0 and 1, but for a little noise.
  public var isConvex: Bool { ratios.allSatisfy { (-0.02...1.02).contains($0) } }

  /// Whether it is a sum of differences, `A + r (B − C)`, by no more than the whole difference.
  var isDifference: Bool {
    guard let places = differencePlaces else { return false }
    return (0.01...1.05).contains(-ratios[places.c])
  }

  /// Of `A + r (B − C)`, where the three stand: the weights are 1, r and −r.
  private var differencePlaces: (a: Int, b: Int, c: Int)? {
    guard ratios.count == 3, let c = ratios.indices.min(by: { ratios[$0] < ratios[$1] }),
      ratios[c] < 0
    else { return nil }
    let others = ratios.indices.filter { $0 != c }
    // The weight that is not 1 undoes the negative one.
    let b =
      abs(ratios[others[0]] + ratios[c]) < abs(ratios[others[1]] + ratios[c])
      ? others[0] : others[1]
    let a = others[0] == b ? others[1] : others[0]
    guard abs(ratios[a] - 1) < 0.05, abs(ratios[b] + ratios[c]) < 0.05 else { return nil }
    return (a, b, c)
  }

  /// Of `A + r (B − C)`, how far A and B went from C in a common direction: the cosine.
  func commonDirection(_ gram: GramMatrix) -> Double? {
    differencePlaces.flatMap { places in
      gram.cosine(parents[places.a], parents[places.b], from: parents[places.c]).map(abs)
    }
  }

  /// How far the weights of a part may be from these by what their own sum leaves: with a share of ε
  /// left, a weight is known to a fraction of that.
  public func agrees(with whole: MergeSolution) -> Bool {
    zip(ratios, whole.ratios).allSatisfy { abs($0 - $1) <= 0.02 + 0.3 * residual }
  }

  /// Whether the sum leaves what rounding makes of models and no more, and the way to the model from its
  /// nearest parent is longer than that: of parents that are little apart the sum leaves much, and
  /// still lies where only a sum does.
  ///
  /// The model's own rounding is left, and that of its parents by their weights.
  func isLeftByRounding(of model: Int, _ gram: GramMatrix) -> Bool {
    guard residual > 0 else { return true }
    let errors = [gram.rounding(model)] + zip(parents, ratios).map { gram.rounding($0) * $1 }
    let expected = errors.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let distance = relativeResidual / residual
    let way = max(distance * distance - relativeResidual * relativeResidual, 0).squareRoot()
    return relativeResidual < 1.4 * expected && way > gram.rounding(ofAny: [model] + parents)
  }

  /// Solves for the weights.
  ///
  /// - Returns: `nil` when the parents are too alike to tell them apart: what differs between two
  ///   of them is no more than twice what rounding leaves.
  init?(_ gram: GramMatrix, of model: Int, from parents: [Int]) {
    guard let pivot = parents.first, parents.count > 1 else { return nil }
    let others = Array(parents.dropFirst())
    let floor = 2 * gram.rounding(ofAny: [model] + parents) * gram.norm(model)
    for (place, parent) in parents.enumerated() {
      for other in parents[..<place] where gram.distance(parent, other) <= floor { return nil }
    }
    var matrix = others.map { a in others.map { gram.product(a, $0, from: pivot) } }
    var right = others.map { gram.product($0, model, from: pivot) }
    guard let solved = Self.solve(&matrix, &right) else { return nil }
    // Independent directions that rounding alone makes are none.
    let own = gram.product(model, model, from: pivot)
    var left = own
    for (a, x) in zip(others, solved) {
      left -= 2 * x * gram.product(a, model, from: pivot)
      for (b, y) in zip(others, solved) { left += x * y * gram.product(a, b, from: pivot) }
    }
    self.parents = parents
    // Products are sums of floats: what is that near to none or to all of a parent is that.
    ratios = ([1 - solved.reduce(0, +)] + solved).map { ratio in
      [0, 1].first { abs(ratio - $0) < 1e-6 } ?? ratio
    }
    let nearest = parents.map { gram.distance(model, $0) }.min() ?? 0
    rest = max(left, 0).squareRoot()
    residual = nearest > 0 ? rest / nearest : 0
    relativeResidual = gram.norm(model) > 0 ? rest / gram.norm(model) : 0
  }

  /// Solves a symmetric positive system by Cholesky's decomposition; `nil` when it is singular to
  /// eight digits.
  private static func solve(_ matrix: inout [[Double]], _ right: inout [Double]) -> [Double]? {
    let count = right.count
    for row in 0..<count {
      let scale = matrix[row][row]
      for column in 0...row {
        var sum = matrix[row][column]
        for inner in 0..<column { sum -= matrix[row][inner] * matrix[column][inner] }
        if row == column {
          guard sum > 1e-8 * scale, sum > 0 else { return nil }
          matrix[row][row] = sum.squareRoot()
        } else {
          matrix[row][column] = sum / matrix[column][column]
        }
      }
    }
    for row in 0..<count {
      for inner in 0..<row { right[row] -= matrix[row][inner] * right[inner] }
      right[row] /= matrix[row][row]
    }
    for row in stride(from: count - 1, through: 0, by: -1) {
      for inner in row + 1..<count { right[row] -= matrix[inner][row] * right[inner] }
      right[row] /= matrix[row][row]
    }
    return right
  }
}
