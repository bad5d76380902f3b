internal import Checkpoints
internal import KeyLayouts
internal import Numerics
internal import Synchronization
internal import TensorCore

/// Puts what a fine-tune changed into a LoRA: the best approximation of each weight's change by a
/// product of two small matrices, `ΔW ≈ up · down`.
///
/// Nothing below a threshold is left out: a module that changed at all has its place. What a LoRA
/// cannot hold (norms, biases, embeddings, the VAE) is listed with its size.
public struct LoRAExtraction: Sendable {
  private let base: ReadModel
  private let tuned: ReadModel
  private let request: ExtractionRequest

  /// Prepares an extraction of what `tuned` is beyond `base`.
  public init(from base: ReadModel, to tuned: ReadModel, _ request: ExtractionRequest) {
    (self.base, self.tuned, self.request) = (base, tuned, request)
  }

  /// Writes the LoRA, which appears whole or not at all.
  ///
  /// - Parameter progress: called with the modules done and all of them.
  /// - Throws: `LayoutError` when one of the models is of no known family; `ConversionError` when
  ///   they are of two families, or nothing that a LoRA can hold has changed; the errors of
  ///   readers and writers.
  public func run(
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> ExtractionReport {
    // Of float8 with scales, the weights themselves.
    let plain = LoRAExtraction(
      from: try base.multiplyingScales(),
      to: try tuned.multiplyingScales(), request)
    return try plain.extract(progress: progress)
  }

  private func extract(
    progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws -> ExtractionReport {
    let readings = try [base, tuned].map { try $0.reading.get() }
    let (family, other) = (readings[0].detection.family, readings[1].detection.family)
    guard family == other else {
      throw ConversionError(
        path: tuned.checkpoint.path,
        problem: "is a \(other.title) model, \(base.checkpoint.path) a \(family.title) one")
    }
    let pairs = pairs()
    let results = Mutex([Result](repeating: .unchanged, count: pairs.count))
    let done = Atomic<Int>(0)
    let (a, b) = (base.canonicalTensors, tuned.canonicalTensors)
    try Workers.forEach(
      pairs.count, progress: { try progress(done.load(ordering: .relaxed), pairs.count) },
      { index in
        let pair = pairs[index]
        let result = try extract(
          pair, try a.tensor(at: pair.a), try b.tensor(at: pair.b))
        results.withLock { $0[index] = result }
        done.add(1, ordering: .relaxed)
      })
    try MappingGuard.check()
    return try write(results.withLock { $0 }, family)
  }

  /// A tensor that both models have.
  private struct Pair: Sendable {
    let name: String
    let a: Int
    let b: Int
  }

  private enum Result: Sendable {
    case unchanged
    case module(ExtractionReport.Module, [TensorView])
    case lost(ExtractionReport.Loss)
  }

  private func pairs() -> [Pair] {
    let (a, b) = (base.canonicalTensors, tuned.canonicalTensors)
    let places = Dictionary(
      b.tensors.enumerated().map { (ExactName($1.name), $0) },
      uniquingKeysWith: { first, _ in first })
    return a.tensors.enumerated().compactMap { index, tensor in
      guard case .canonical = a.origins[index] else { return nil }
      return places[ExactName(tensor.name)].map { Pair(name: tensor.name, a: index, b: $0) }
    }
  }

  private func extract(_ pair: Pair, _ a: TensorView, _ b: TensorView) throws -> Result {
    guard a.shape == b.shape else {
      return .lost(.init(tensor: pair.name, energy: nil, reason: "has another shape"))
    }
    guard let difference = WeightDifference(a, b) else {
      return .lost(.init(tensor: pair.name, energy: nil, reason: "is of a packed type"))
    }
    let energy = difference.energy
    guard energy > 0 || !difference.isFinite else { return .unchanged }
    if let reason = refusal(of: pair.name, a.shape) {
      return .lost(
        .init(tensor: pair.name, energy: energy.isFinite ? energy : nil, reason: reason))
    }
    guard difference.isFinite else {
      return .lost(
        .init(tensor: pair.name, energy: nil, reason: "holds values that are not finite"))
    }
    let rows = a.shape[0]
    let columns = a.shape.elementCount / rows
    let goal: LowRankApproximation.Goal =
      switch request.goal {
      case .rank(let rank): .rank(rank)
      case .energy(let share, let limit): .energy(share, limit: limit)
      }
    let found = LowRankApproximation(
      of: difference.values, rows: rows, columns: columns, goal: goal)
    let module = String(pair.name.dropLast(".weight".count))
    let factors = StoredFactors(
      found, of: a.shape, as: request.elementType,
      scale: request.naming == .kohya ? alpha / Float(found.rank) : 1)
    guard let left = factors.energyLeft(of: difference.values, rows: rows, columns: columns) else {
      throw ConversionError(
        path: request.output,
        problem: "the change of '\(pair.name)' is beyond the range of \(request.elementType); "
          + "--dtype f32 holds it")
    }
    return .module(
      .init(
        name: module, rank: found.rank, energy: energy, capturedEnergy: max(energy - left, 0)),
      factors.views)
  }

  /// The `alpha` that kohya's naming has: one for all modules, as diffusers mixes several up. The
  /// product counts `alpha / rank` times, which the factors make up for.
  private var alpha: Float {
    if case .rank(let rank) = request.goal { Float(rank) } else { 1 }
  }

  /// Why a LoRA has no place for a tensor; `nil` when it has.
  private func refusal(of name: String, _ shape: TensorShape) -> String? {
    guard request.components.contains(where: { name.hasPrefix($0.prefix) }) else {
      return name.hasPrefix(Component.vae.prefix)
        ? "is the VAE's" : "is of a component that was not asked for"
    }
    if name.contains("embeddings.") { return "is an embedding" }
    if name.hasSuffix(".bias") { return "is a bias" }
    guard name.hasSuffix(".weight"), shape.rank == 2 || shape.rank == 4 else {
      return "is a norm's"
    }
    return nil
  }

  private func write(_ results: [Result], _ family: Family) throws -> ExtractionReport {
    var modules: [ExtractionReport.Module] = []
    var losses: [ExtractionReport.Loss] = []
    var tensors: [TensorView] = []
    var unchanged = 0
    let canonical = base.canonicalTensors
    let names = AdapterFileNames(
      request.naming, family,
      modules: results.compactMap { result in
        if case .module(let module, _) = result { module.name } else { nil }
      },
      model: zip(canonical.tensors, canonical.origins).filter { $1 == .canonical }.map(\.0))
    for result in results {
      switch result {
      case .unchanged: unchanged += 1
      case .lost(let loss): losses.append(loss)
      case .module(let module, let factors):
        modules.append(module)
        tensors += names.tensors(of: module.name, alpha: alpha, factors)
      }
    }
    guard !modules.isEmpty else {
      throw ConversionError(
        path: tuned.checkpoint.path,
        problem: "has no weight that differs from \(base.checkpoint.path) and that a LoRA can hold")
    }
    var writer = try SafetensorsWriter(to: Destination(path: request.output))
    try writer.begin(tensors: tensors.map(\.description), metadata: metadata(modules, family))
    for tensor in tensors { try writer.append(tensor) }
    try writer.finish()
    return ExtractionReport(
      output: request.output, modules: modules, unchangedCount: unchanged, losses: losses,
      byteCount: tensors.reduce(0) { $0 + $1.byteRange.count })
  }

  /// What kohya's tools say of a LoRA, as far as it is known.
  private func metadata(
    _ modules: [ExtractionReport.Module], _ family: Family
  ) -> JSONObject {
    let ranks = Set(modules.map(\.rank))
    let rank = ranks.count == 1 ? "\(ranks.first ?? 0)" : "Dynamic"
    let version =
      switch family {
      case .stableDiffusion1: "sd_v1"
      case .stableDiffusion2: "sd_v2"
      case .stableDiffusionXL, .stableDiffusionXLRefiner: "sdxl_base_v1-0"
      }
    return [
      "ss_network_module": "networks.lora", "ss_network_dim": .string(rank),
      "ss_network_alpha": .string("\(alpha)"), "ss_base_model_version": .string(version),
      "modelspec.title": "difference of two models", "assay.tool": .string(request.tool),
    ]
  }
}
