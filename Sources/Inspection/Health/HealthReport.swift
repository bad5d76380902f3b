public import Conversion
internal import Checkpoints
internal import TensorCore

/// What is unhealthy, or at least odd, about a model's weights.
public struct HealthReport: Sendable, Hashable {
  /// What a finding is about.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Values that are NaN or infinite.
    case nonFinite = "non_finite"
    /// Weights that are zero throughout.
    case zero
    /// Weights that are one value throughout.
    case constant
    /// Tensors with the same bytes.
    case duplicate
    /// f32 that f16 would hold exactly.
    case wide
    /// Token embeddings that are zero, or several tokens with one vector.
    case deadEmbedding = "dead_embedding"
    /// A text encoder's positions that are not 0, 1, 2, ….
    case positions
    /// Averaged weights that are the weights themselves, or that no training step updated.
    case unusedAverage = "unused_average"
  }

  /// One thing that was found.
  public struct Finding: Sendable, Hashable {
    /// What it is about.
    public let kind: Kind
    /// Whether it breaks the model; otherwise it may be meant.
    public let isProblem: Bool
    /// What was found, in words.
    public let text: String
    /// The tensors that it concerns.
    public let tensors: [String]
  }

  /// What was found, problems first.
  public let findings: [Finding]

  /// Whether nothing that breaks the model was found.
  public var isHealthy: Bool { !findings.contains(where: \.isProblem) }

  /// Looks at the facts about a model, and once more at its embeddings and positions.
  ///
  /// - Parameter facts: of all tensors, with their precision.
  /// - Throws: the container's error when a tensor cannot be produced.
  public init(of model: ReadModel, _ facts: ModelFacts) throws {
    let averages = UnusedAverages(facts)
    var findings = Self.values(facts) + Self.duplicates(facts, besides: averages)
    findings += Self.precision(facts) + averages.findings
    let source = model.canonicalTensors
    for (index, tensor) in source.tensors.enumerated() {
      if tensor.name.hasSuffix("token_embedding.weight"), tensor.shape.rank == 2 {
        findings += DeadEmbeddings(try source.tensor(at: index)).findings
      }
      if tensor.name == UnusedAverages.counter, tensor.shape.elementCount == 1 {
        findings += averages.findings(updates: try source.tensor(at: index))
      }
      // A prompt has 77 places; what has millions is something else.
      if tensor.name.hasSuffix(".position_ids"), tensor.shape.elementCount <= 1 << 20 {
        findings += PositionCheck(try source.tensor(at: index)).findings
      }
    }
    self.findings = findings.filter(\.isProblem) + findings.filter { !$0.isProblem }
  }

  private static func values(_ facts: ModelFacts) -> [Finding] {
    var findings: [Finding] = []
    var zero: [String] = []
    var constant: [String] = []
    // Of a family that nobody knows all tensors count.
    let isKnown = facts.tensors.contains(where: \.isCanonical)
    for tensor in facts.tensors {
      guard let statistics = tensor.statistics else { continue }
      let (name, count) = (tensor.description.name, tensor.description.shape.elementCount)
      if statistics.nonFiniteCount > 0 {
        findings.append(
          Finding(
            kind: .nonFinite, isProblem: true,
            text: "\(statistics.nonFiniteCount) of \(count) values are NaN or infinite",
            tensors: [name]))
      }
      guard tensor.isCanonical || !isKnown, count > 1 else { continue }
      // Biases start at zero and norms at one.
      let isVector = tensor.description.shape.rank == 1
      let isScale = isVector && name.hasSuffix(".weight") && LayerKind(of: name) == .norm
      if statistics.zeroCount == count {
        if !isVector || isScale { zero.append(name) }
      } else if statistics.minimum == statistics.maximum, statistics.nonFiniteCount == 0,
        !isScale || statistics.minimum != 1
      {
        constant.append(name)
      }
    }
    for (kind, names, what) in [(Kind.zero, zero, "zero"), (.constant, constant, "one value")]
    where !names.isEmpty {
      findings.append(
        Finding(
          kind: kind, isProblem: false,
          text: "\(names.count) weight\(names.count == 1 ? " is" : "s are") \(what) throughout",
          tensors: names))
    }
    return findings
  }

  /// Averages that are the weights are told as that, and not once more for each tensor.
  private static func duplicates(
    _ facts: ModelFacts, besides averages: UnusedAverages
  ) -> [Finding] {
    var order: [Digest128] = []
    var names: [Digest128: [String]] = [:]
    for tensor in facts.tensors
    where tensor.description.shape.elementCount >= 16
      && !averages.names.contains(tensor.description.name)
    {
      guard let statistics = tensor.statistics, statistics.minimum != statistics.maximum else {
        continue
      }
      if names[tensor.digest] == nil { order.append(tensor.digest) }
      names[tensor.digest, default: []].append(tensor.description.name)
    }
    return order.compactMap { digest in
      guard let same = names[digest], same.count > 1 else { return nil }
      return Finding(
        kind: .duplicate, isProblem: false, text: "\(same.count) tensors have the same bytes",
        tensors: same)
    }
  }

  private static func precision(_ facts: ModelFacts) -> [Finding] {
    let wide = facts.tensors.filter { $0.fitsHalf == true && $0.description.shape.elementCount > 1 }
    guard !wide.isEmpty else { return [] }
    let saved = wide.reduce(0) { $0 + 2 * $1.description.shape.elementCount }
    return [
      Finding(
        kind: .wide, isProblem: false,
        text: "\(wide.count) f32 tensor\(wide.count == 1 ? "" : "s") would fit into f16 without "
          + "any loss: \(saved) bytes less",
        tensors: wide.map(\.description.name))
    ]
  }
}
