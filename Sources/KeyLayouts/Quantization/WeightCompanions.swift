internal import TensorCore

/// The tensors among others that belong to a weight beside them: scales and the like.
struct WeightCompanions {
  /// One of them.
  struct Companion {
    /// Its place among the tensors.
    let index: Int
    let spelling: CompanionSpelling

    var role: CompanionRole { spelling.role }
  }

  /// The place of the weight that each companion belongs to.
  private(set) var weights: [Int: Int] = [:]
  /// The companions of each weight, by its place.
  private(set) var byWeight: [Int: [Companion]] = [:]

  /// Finds the companions whose weight is there; without one a tensor is no companion.
  init(in tensors: [TensorDescription]) {
    let candidates = tensors.enumerated().filter { Self.mayBeCompanion($1.name) }
    guard !candidates.isEmpty else { return }
    var places: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() { places[tensor.name] = index }
    for (index, tensor) in candidates {
      for spelling in CompanionSpelling.all {
        let found = spelling.weights(of: tensor.name).lazy.compactMap { places[$0] }.first
        guard let weight = found, weight != index else { continue }
        weights[index] = weight
        byWeight[weight, default: []].append(Companion(index: index, spelling: spelling))
        break
      }
    }
  }

  /// Whether no tensor is a companion.
  var isEmpty: Bool { weights.isEmpty }

  /// A weight's companion with a role.
  func companion(_ role: CompanionRole, of weight: Int) -> Companion? {
    byWeight[weight]?.first { $0.role == role }
  }

  /// A quick look at the last letters: a model has thousands of names, and most end in `weight` or
  /// `bias`.
  private static func mayBeCompanion(_ name: String) -> Bool {
    guard let last = name.utf8.last, lastLetters.contains(last), !name.hasSuffix(".weight") else {
      return false
    }
    return suffixes.contains { name.hasSuffix($0) }
  }

  private static let suffixes = CompanionSpelling.all.map(\.suffix)
  private static let lastLetters = suffixes.compactMap(\.utf8.last)
}
