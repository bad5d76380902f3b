internal import Checkpoints
public import Conversion
internal import Foundation
internal import KeyLayouts
public import TensorCore

/// What to look at in a model beyond its directory.
public struct InspectionRequest: Sendable, Hashable {
  /// Patterns of names, one of which a tensor must match to be shown; no condition when empty. They
  /// are the shell's; a tensor matches by its canonical name or its own.
  public var patterns: [String] = []
  /// The order of the tree's nodes.
  public var order = ModelTree.Order.flow
  /// How many levels the tree has.
  public var depth = 2
  /// Whether to show what the values are like.
  public var wantsStatistics = false
  /// A tensor to look at closely.
  public var tensor: String?
  /// Whether to draw that tensor.
  public var wantsPicture = false
  /// Whether to make hashes and fingerprints.
  public var wantsHashes = false
  /// Whether to look for what is unhealthy.
  public var wantsHealth = false
  /// Known components to compare the fingerprints with.
  public var catalog: Catalog?

  /// Asks for the tree alone.
  public init() {}
}

/// A model looked at: its tree, and what was asked for.
public struct ModelInspection: Sendable {
  /// The tensors that were to be shown, under canonical names as far as they have any.
  public let tensors: [TensorDescription]
  /// The same as a tree.
  public let tree: ModelTree
  /// What their values are like, by place in `tensors`.
  public let facts: ModelFacts?
  /// A tensor looked at closely.
  public let detail: TensorDetail?
  /// The same tensor drawn.
  public let raster: TensorRaster?
  /// The hashes of the files.
  public let fileHashes: [FileHashes]
  /// The hashes that the metadata state.
  public let statedHashes: [StatedHash]
  /// The fingerprints of the weights.
  public let fingerprints: Fingerprints?
  /// With those, the digests of `tensors`, in their order; empty when hashes were not asked for.
  public let tensorDigests: [Digest128]
  /// The known names of components, by component.
  public let knownNames: [String: String]
  /// What is unhealthy.
  public let health: HealthReport?
  /// The bytes of tensors that were read for all that.
  public let touchedBytes: Int

  /// Looks at a model.
  ///
  /// - Parameter progress: called with the bytes read so far and in all, of each reading.
  /// - Throws: `InspectionError` when nothing has a name that was asked for; the container's errors
  ///   when tensors cannot be produced.
  public init(
    of model: ReadModel, _ request: InspectionRequest,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    let all = model.canonicalTensors
    let own = model.checkpoint.source.tensors
    let shown = all.tensors.indices.filter { index in
      request.patterns.isEmpty
        || request.patterns.contains { pattern in
          [all.tensors[index].name, all.places[index].map { own[$0].name }].contains {
            $0.map { fnmatch(pattern, $0, 0) == 0 } ?? false
          }
        }
    }
    if shown.isEmpty, let first = request.patterns.first {
      throw InspectionError(
        path: model.checkpoint.path,
        problem: "no tensor matches '\(first)'"
          + (request.patterns.count > 1 ? " or the other patterns" : ""))
    }
    tensors = shown.map { all.tensors[$0] }
    let left = Set(
      all.tensors.indices.filter {
        if case .leftBehind = all.origins[$0] { true } else { false }
      }.map { ExactName(all.tensors[$0].name) })
    tree = ModelTree(tensors, depth: request.depth, order: request.order) {
      left.contains(ExactName($0.name))
    }
    detail = try request.tensor.map { try TensorDetail(named: $0, in: model) }
    raster =
      request.wantsPicture
      ? try request.tensor.map { try TensorRaster(ofTensorNamed: $0, in: model) } : nil
    let needsAll = request.wantsHashes || request.wantsHealth || request.catalog != nil
    var complete: ModelFacts?
    if needsAll {
      complete = try ModelFacts(
        of: model, request.wantsHealth ? .precision : .summaries, progress: progress)
    }
    let names = Set(tensors.map { ExactName($0.name) })
    let isShown = { request.patterns.isEmpty || names.contains(ExactName($0)) }
    facts =
      !request.wantsStatistics
      ? nil
      : try complete?.keeping(where: { isShown($0.name) })
        ?? ModelFacts(of: model, where: { isShown($0.name) }, progress: progress)
    fileHashes = request.wantsHashes ? try FileHashes.all(of: model.checkpoint) : []
    statedHashes =
      request.wantsHashes ? StatedHash.all(of: model.checkpoint, fileHashes) : []
    let digests = Dictionary(
      (complete?.tensors ?? []).map { (ExactName($0.description.name), $0.digest) },
      uniquingKeysWith: { first, _ in first })
    tensorDigests =
      request.wantsHashes ? tensors.compactMap { digests[ExactName($0.name)] } : []
    let fingerprints = needsAll ? complete.map(Fingerprints.init) : nil
    self.fingerprints =
      request.wantsHashes || request.catalog != nil ? fingerprints : nil
    var known: [String: String] = [:]
    for component in fingerprints?.components ?? [] {
      known[component.name] = request.catalog?.name(of: component)
    }
    knownNames = known
    health = request.wantsHealth ? try complete.map { try HealthReport(of: model, $0) } : nil
    touchedBytes = (complete ?? facts)?.touchedBytes ?? 0
  }
}

extension ModelFacts {
  /// The facts about some of the tensors.
  func keeping(where isWanted: (TensorDescription) -> Bool) -> ModelFacts {
    ModelFacts(tensors: tensors.filter { isWanted($0.description) }, touchedBytes: touchedBytes)
  }

  fileprivate init(tensors: [Tensor], touchedBytes: Int) {
    self.tensors = tensors
    self.touchedBytes = touchedBytes
  }
}
