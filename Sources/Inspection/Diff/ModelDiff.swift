internal import Conversion
internal import Synchronization
public import TensorCore

/// What changed from one model to another, tensor by tensor under canonical names.
public struct ModelDiff: Sendable {
  /// A tensor that stands on one side under another name than on the other.
  public struct Renaming: Sendable, Hashable {
    /// The first model's tensor.
    public let a: TensorDescription
    /// The second model's tensor with the same type, shape and bytes.
    public let b: TensorDescription
  }

  /// Tensors of one side that no conversion takes along and the other side does not have.
  public struct LeftBehind: Sendable, Hashable {
    /// Whether they are the first model's.
    public let isFirst: Bool
    /// Why they are left behind.
    public let reason: String
    /// How many.
    public let count: Int
  }

  /// The first model.
  public let a: DiffSide
  /// The second model.
  public let b: DiffSide
  /// The tolerance below which a change does not count.
  public let tolerance: Tolerance
  /// The tensors that both have, in the first model's order.
  public private(set) var pairs: [TensorPair] = []
  /// The tensors that only the second model has.
  public private(set) var added: [TensorDescription] = []
  /// The tensors that only the first model has.
  public private(set) var removed: [TensorDescription] = []
  /// The tensors that stand under another name in the second model.
  public private(set) var renamed: [Renaming] = []
  /// Schedule buffers, training state and the like that only one side has: no difference.
  public private(set) var leftBehind: [LeftBehind] = []
  /// The ranks of all changed matrices, those first that most of the change is in, if they were
  /// asked for. Otherwise of the largest ones, where only matrices changed: what tells a LoRA.
  public private(set) var ranks: [ChangeRank] = []
  /// Whether the change of every matrix was decomposed.
  public let hasAllRanks: Bool
  /// The bytes of tensors that were read, of both models, each byte counted once.
  public private(set) var touchedBytes = 0
  /// The bytes of them that were read once more, for ranks, changed rows or other arrangements.
  public private(set) var rereadBytes = 0

  /// Compares two models; on all cores, without more memory than a few chunks.
  ///
  /// - Parameters:
  ///   - ranksAll: whether to decompose the change of every matrix.
  ///   - progress: called with the bytes compared so far and in all.
  ///   - rankProgress: called with the matrices decomposed so far and all of them.
  /// - Throws: the containers' errors when a tensor cannot be produced; `FileError` when a file
  ///   shrank meanwhile.
  public init(
    _ a: DiffSide, _ b: DiffSide, tolerance: Tolerance = Tolerance(), ranksAll: Bool = false,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in },
    rankProgress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    (self.a, self.b, self.tolerance, hasAllRanks) = (a, b, tolerance, ranksAll)
    let (first, second) = (a.places, b.places)
    var places: [(a: Int, b: Int)] = []
    var onlyA: [Int] = []
    for (index, tensor) in a.tensors.tensors.enumerated() {
      let name = ExactName(tensor.name)
      if let other = second[name], first[name] == index {
        places.append((index, other))
      } else {
        onlyA.append(index)
      }
    }
    let paired = Set(places.map(\.b))
    let onlyB = b.tensors.tensors.indices.filter { !paired.contains($0) }
    try comparePairs(places, progress)
    try sortOut(onlyA, onlyB)
    ranks = ranksAll ? try allRanks(places, rankProgress) : try sampledRanks(places)
    rereadBytes += ranks.reduce(0) { $0 + $1.readBytes }
    try MappingGuard.check()
  }

  /// Compares all pairs, the largest first, so that all threads end at about the same time.
  private mutating func comparePairs(
    _ places: [(a: Int, b: Int)], _ progress: (Int, Int) throws -> Void
  ) throws {
    let (a, b) = (a, b)
    let initial = places.map { place in
      var isLeftBehind = false
      if case .leftBehind = a.tensors.origins[place.a] { isLeftBehind = true }
      return TensorPair(
        a.tensors.tensors[place.a], b.tensors.tensors[place.b], isLeftBehind: isLeftBehind,
        scaled: (a.tensors.scaledType(at: place.a), b.tensors.scaledType(at: place.b)))
    }
    let sizes = initial.map(\.storedByteCount)
    let order = initial.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    let total = sizes.reduce(0, +)
    let state = Mutex(Progress(pairs: initial))
    let spared = places.map { place -> IngotDigest? in
      guard let known = a.record(at: place.a), known.digest == b.record(at: place.b)?.digest else {
        return nil
      }
      return known
    }
    let isPartial = spared.contains { $0 != nil }
    if isPartial { [a, b].forEach { $0.readsScattered() } }
    let reader = PairReader(tolerance: tolerance, fetchesAhead: isPartial)
    try Workers.forEach(
      order.count,
      progress: { try progress(state.withLock { $0.done }, total) },
      { number in
        let index = order[number]
        let (left, right) = places[index]
        var pair = initial[index]
        var read = PairReader.Reading()
        if pair.a.elementType == pair.b.elementType, pair.relation == .same,
          let known = spared[index]
        {
          pair.spare(known.statistics)
        } else if let form = a.packedForms[left] ?? b.packedForms[right] {
          pair.packedForm = form
          if a.packedForms[left] == b.packedForms[right] {
            read = reader.compareBytes(
              try a.tensors.tensor(at: left), try b.tensors.tensor(at: right), into: &pair)
          }
        } else {
          read = reader.compare(
            try a.tensors.tensor(at: left), try b.tensors.tensor(at: right),
            seesRearranged: a.tensors.origins[left] != .canonical
              && b.tensors.origins[right] != .canonical,
            into: &pair)
          if pair.scaledTypeA != nil || pair.scaledTypeB != nil {
            read = PairReader.Reading(first: sizes[index], again: sizes[index])
            try pair.noteScales(a.tensors, left, b.tensors, right)
          }
        }
        state.withLock { [pair, read] state in
          state.pairs[index] = pair
          state.done += sizes[index]
          state.read.first += read.first
          state.read.again += read.again
        }
      })
    let result = state.withLock { $0 }
    pairs = result.pairs
    touchedBytes += result.read.first
    rereadBytes += result.read.again
  }

  private struct Progress {
    var pairs: [TensorPair]
    var done = 0
    var read = PairReader.Reading()
  }

  /// Tells what was renamed from what was added and removed. A digest is made only where both
  /// sides have a tensor of the same type and shape left.
  private mutating func sortOut(_ onlyA: [Int], _ onlyB: [Int]) throws {
    var candidates: [Kind: [Int]] = [:]
    for index in onlyB { candidates[Kind(b.tensors.tensors[index]), default: []].append(index) }
    var digests: [Int: Digest128] = [:]
    var taken: Set<Int> = []
    var gone: [Int] = []
    for index in onlyA {
      let tensor = a.tensors.tensors[index]
      let others = (candidates[Kind(tensor)] ?? []).filter { !taken.contains($0) }
      guard !others.isEmpty, tensor.shape.elementCount > 0 else {
        gone.append(index)
        continue
      }
      let digest = try digest(of: a, index)
      let match = try others.first { other in
        let known = try digests[other] ?? self.digest(of: b, other)
        digests[other] = known
        return known == digest
      }
      if let match {
        taken.insert(match)
        renamed.append(Renaming(a: tensor, b: b.tensors.tensors[match]))
      } else {
        gone.append(index)
      }
    }
    removed = account(gone, of: a, isFirst: true)
    added = account(onlyB.filter { !taken.contains($0) }, of: b, isFirst: false)
  }

  private struct Kind: Hashable {
    let type: ElementType
    let shape: TensorShape

    init(_ tensor: TensorDescription) { (type, shape) = (tensor.elementType, tensor.shape) }
  }

  private mutating func digest(of side: DiffSide, _ index: Int) throws -> Digest128 {
    if let known = side.record(at: index) { return known.digest }
    let view = try side.tensors.tensor(at: index)
    touchedBytes += view.byteRange.count
    return view.digest
  }

  /// Sets apart what no conversion takes along, by reason, and returns the rest.
  private mutating func account(
    _ indices: [Int], of side: DiffSide, isFirst: Bool
  ) -> [TensorDescription] {
    var counts: [(reason: String, count: Int)] = []
    var rest: [TensorDescription] = []
    for index in indices {
      guard case .leftBehind(let reason) = side.tensors.origins[index] else {
        rest.append(side.tensors.tensors[index])
        continue
      }
      if let place = counts.firstIndex(where: { $0.reason == reason }) {
        counts[place].count += 1
      } else {
        counts.append((reason, 1))
      }
    }
    leftBehind += counts.map { LeftBehind(isFirst: isFirst, reason: $0.reason, count: $0.count) }
    return rest
  }
}

extension TensorPair {
  /// Notes that equal digests made reading needless.
  fileprivate mutating func spare(_ statistics: TensorStatistics?) {
    isSpared = true
    isIdentical = true
    let parts = a.elementType == .complex64 || a.elementType == .complex128 ? 2 : 1
    difference = TensorDifference(same: statistics, count: a.shape.elementCount * parts)
  }
}
