/// The inner products of several models' weights, with the first model as the origin: all that
/// distances, angles and least squares need, from one pass over the weights.
///
/// Differences from the first model are taken before anything is multiplied. From products of the
/// weights themselves the distance of two models that are alike would be lost in the rounding.
public struct GramMatrix: Sendable, Hashable {
  /// The number of models.
  public let count: Int
  /// The number of weights.
  public internal(set) var elementCount = 0
  /// The weights that are NaN or infinite in some model: left out of all sums.
  public internal(set) var nonFiniteCount = 0
  /// The sum of the squares of the first model's weights.
  var originNorm = 0.0
  /// By model, the inner product of the first model's weights and the difference from it.
  var originProducts: [Double]
  /// By pair of models, the inner product of their differences from the first, row by row.
  var products: [Double]
  /// By model, the sum of the squares of what rounding to the stored type makes of each weight.
  var roundingNorms: [Double]
  /// By model, how many of its weights are NaN or infinite.
  public internal(set) var nonFiniteCounts: [Int]

  init(count: Int) {
    self.count = count
    roundingNorms = [Double](repeating: 0, count: count)
    nonFiniteCounts = [Int](repeating: 0, count: count)
    originProducts = [Double](repeating: 0, count: count)
    products = [Double](repeating: 0, count: count * count)
  }

  /// Adds what another run of weights gives.
  mutating func add(_ other: GramMatrix) {
    elementCount += other.elementCount
    nonFiniteCount += other.nonFiniteCount
    originNorm += other.originNorm
    for place in originProducts.indices { originProducts[place] += other.originProducts[place] }
    for place in products.indices { products[place] += other.products[place] }
    for model in 0..<count {
      roundingNorms[model] += other.roundingNorms[model]
      nonFiniteCounts[model] += other.nonFiniteCounts[model]
    }
  }

  /// The inner product of two models' differences from a third, `⟨a − origin, b − origin⟩`.
  public func product(_ a: Int, _ b: Int, from origin: Int) -> Double {
    products[a * count + b] - products[a * count + origin] - products[origin * count + b]
      + products[origin * count + origin]
  }

  /// The norm of a model's weights.
  public func norm(_ model: Int) -> Double {
    let square = originNorm + 2 * originProducts[model] + products[model * count + model]
    return max(square, 0).squareRoot()
  }

  /// How a model grew out of another, by its norm: `⟨origin, model − origin⟩ / ‖model − origin‖²`. What
  /// training adds is at right angles to the weights that it starts from, as any two directions in so
  /// many dimensions: 0 where the origin is an ancestor, −1 where it is a descendant, −½ where both are
  /// equally far from one they share. `nil` without a difference.
  public func growth(of model: Int, from origin: Int) -> Double? {
    let square = product(model, model, from: origin)
    guard square > 0 else { return nil }
    let inner =
      originProducts[model] - originProducts[origin] + products[origin * count + model]
      - products[origin * count + origin]
    return inner / square
  }

  /// The norm of the difference of two models.
  public func distance(_ a: Int, _ b: Int) -> Double {
    max(product(a, a, from: b), 0).squareRoot()
  }

  /// The same as a share of the weights: divided by the geometric mean of both norms. Infinite where
  /// one has none but zeros, 0 where both have.
  public func relativeDistance(_ a: Int, _ b: Int) -> Double {
    let distance = distance(a, b)
    return distance == 0 ? 0 : distance / (norm(a) * norm(b)).squareRoot()
  }

  /// What rounding to its stored types leaves of a model, as a share of its weights.
  public func rounding(_ model: Int) -> Double {
    let norm = norm(model)
    return norm > 0 ? roundingNorms[model].squareRoot() / norm : 0
  }

  /// The greatest of that among some models.
  func rounding(ofAny models: [Int]) -> Double { models.map(rounding).max() ?? 0 }

  /// Whether two models differ by no more than what rounding leaves of both.
  func differsByRounding(_ a: Int, _ b: Int) -> Bool {
    let squares = [rounding(a), rounding(b)].reduce(0) { $0 + $1 * $1 }
    return relativeDistance(a, b) <= 1.25 * squares.squareRoot()
  }

  /// The cosine of the angle between the weights of two models; `nil` where one has none but zeros.
  public func cosine(_ a: Int, _ b: Int) -> Double? {
    let norms = norm(a) * norm(b)
    guard norms > 0 else { return nil }
    if distance(a, b) == 0 { return 1 }
    let product = originNorm + originProducts[a] + originProducts[b] + products[a * count + b]
    return max(-1, min(1, product / norms))
  }

  /// The cosine of the angle between two models' differences from a third; `nil` where one does not
  /// differ from it.
  public func cosine(_ a: Int, _ b: Int, from origin: Int) -> Double? {
    let scale = distance(a, origin) * distance(b, origin)
    return scale > 0 ? product(a, b, from: origin) / scale : nil
  }
}
