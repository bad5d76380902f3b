internal import KeyLayouts
internal import TensorCore

/// What is to change in a model, tensor by tensor, as the checks put it together.
struct RepairPlan {
  /// A tensor that is written anew.
  struct Made: Sendable, Hashable {
    let tensor: TensorDescription
    let numbers: [Double]
    /// The tensor in whose place it stands.
    let place: Int?
    let check: String
  }

  /// What becomes of one tensor of the source, or of several that are one tensor now.
  private struct Kept {
    var tensor: TensorDescription
    var recipe: Recipe
  }

  /// The check that touches a tensor first, by its place.
  private(set) var checks: [Int: String] = [:]
  private(set) var made: [Made] = []
  /// Changes of the metadata; `nil` to take an entry out.
  private(set) var metadata: [(key: String, value: JSON?)] = []
  /// The weights whose scales are multiplied in.
  private(set) var scaled: Set<Int> = []
  /// The type that they get.
  var scaledType = ElementType.float16
  private var kept: [Int: Kept] = [:]
  private var dropped: Set<Int> = []
  private let sources: [TensorDescription]

  init(_ sources: [TensorDescription]) {
    self.sources = sources
    for (place, tensor) in sources.enumerated() {
      kept[place] = Kept(tensor: tensor, recipe: .source(place))
    }
  }

  /// Gives a tensor another name.
  mutating func rename(_ place: Int, to name: String, check: String) {
    guard kept[place]?.tensor.name != name else { return }
    kept[place]?.tensor.name = name
    note(place, check)
  }

  /// Makes a tensor of others, which are no tensors of their own any more.
  mutating func make(_ tensor: TensorDescription, by recipe: Recipe, check: String) {
    let places = recipe.sources
    guard let first = places.min() else { return }
    for place in places {
      kept[place] = nil
      note(place, check)
    }
    kept[first] = Kept(tensor: tensor, recipe: recipe)
  }

  /// Leaves a tensor out.
  mutating func drop(_ place: Int, check: String) {
    dropped.insert(place)
    note(place, check)
  }

  /// Writes a tensor anew, in the place of another one or in addition.
  mutating func write(
    _ tensor: TensorDescription, _ numbers: [Double], at place: Int? = nil, check: String
  ) {
    made.append(Made(tensor: tensor, numbers: numbers, place: place, check: check))
    if let place { drop(place, check: check) }
  }

  /// Multiplies the scale beside a weight into it.
  mutating func applyScale(of place: Int, check: String) {
    scaled.insert(place)
    note(place, check)
  }

  /// Changes an entry of the metadata, or takes it out.
  mutating func set(_ key: String, _ value: JSON?) { metadata.append((key, value)) }

  /// Whether nothing changes.
  var isEmpty: Bool { checks.isEmpty && made.isEmpty && metadata.isEmpty }

  private mutating func note(_ place: Int, _ check: String) {
    if checks[place] == nil { checks[place] = check }
  }

  /// The account of the tensors that go on.
  ///
  /// - Throws: `LayoutError` when a scale does not fit its weight.
  func ledger() throws(LayoutError) -> Ledger {
    let targets = kept.filter { !dropped.contains($0.key) }.sorted { $0.key < $1.key }
    return try Ledger.making(
      targets.map { ($0.value.tensor, $0.value.recipe) }, of: sources
    ).applyingScales { target in
      target.recipe.sources.contains { scaled.contains($0) }
    }
  }
}
