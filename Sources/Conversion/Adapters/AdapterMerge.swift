internal import Checkpoints
public import KeyLayouts
internal import Synchronization
internal import TensorCore

/// Adapters put onto the modules of a model: which tensor changes how.
public struct AdapterMerge: Sendable {
  /// An adapter and how strongly it is applied.
  public struct Application: Sendable {
    /// The adapter.
    public let adapter: Adapter
    /// The factor of its changes; 1 is what it was trained for.
    public let strength: Double

    /// Pairs the two.
    public init(_ adapter: Adapter, strength: Double = 1) {
      self.adapter = adapter
      self.strength = strength
    }
  }

  /// One change of one tensor.
  private struct Change: Sendable {
    let adapter: Int
    let module: AdapterModule
    /// Whether the tensor is the layer's bias.
    let isBias: Bool
  }

  /// What was used of each adapter.
  public let outcomes: [AdapterOutcome]
  private let applications: [Application]
  private let idle = IdleLog()
  /// By canonical name of the tensor.
  private let changes: [String: [Change]]

  /// Finds the module of the model that each module of the adapters is for.
  ///
  /// - Throws: `AdapterError` when a change has another shape than the weight it is for, or nothing
  ///   of an adapter is in the model.
  public init(
    _ applications: [Application], on targets: AdapterTargets, family: Family? = nil
  ) throws(AdapterError) {
    self.applications = applications
    var changes: [String: [Change]] = [:]
    var outcomes: [AdapterOutcome] = []
    for (index, application) in applications.enumerated() {
      let file = application.adapter.file
      do throws(AdapterError) {
        var found = try Self.find(application, index, targets, &changes)
        guard found.applied > 0 else {
          let first = file.modules[0].name
          throw AdapterError(
            .nothingApplies(
              count: file.modules.count, first: first.path, nearest: targets.nearest(to: first),
              hint: file.hint
                ?? targets.absentComponent(of: first).map { "the model has no \($0)" }))
        }
        found.otherOrigin = family.flatMap { application.adapter.origin(otherThan: $0) }
        outcomes.append(found)
      } catch {
        throw AdapterError(error.problem, origin: application.adapter.checkpoint.path)
      }
    }
    self.changes = changes
    self.outcomes = outcomes
  }

  /// Refuses adapters of which something is left over.
  ///
  /// - Throws: `AdapterError` that names the first leftover.
  func requireAll() throws(AdapterError) {
    for outcome in outcomes {
      if let origin = outcome.otherOrigin {
        throw AdapterError(.otherFamily(origin), origin: outcome.path)
      }
      guard let first = outcome.surprises.first else { continue }
      throw AdapterError(
        .leftOver(count: outcome.surprises.count, first: first.name, reason: first.reason),
        origin: outcome.path)
    }
  }

  /// What was used of each adapter, with the modules that turned out to change nothing.
  var finalOutcomes: [AdapterOutcome] {
    let idle = idle.modules.withLock { $0 }
    return outcomes.enumerated().map { place, outcome in
      var outcome = outcome
      outcome.idle = idle[place]?.count ?? 0
      return outcome
    }
  }

  /// By adapter, the modules seen so far whose change is nothing but zeros. A class because merges
  /// are copied.
  private final class IdleLog: Sendable {
    let modules = Mutex<[Int: Set<AdapterModuleName>]>([:])
  }

  /// The canonical names of the tensors that change.
  var changed: Set<String> { Set(changes.keys) }

  private static func find(
    _ application: Application, _ index: Int, _ targets: AdapterTargets,
    _ changes: inout [String: [Change]]
  ) throws(AdapterError) -> AdapterOutcome {
    let file = application.adapter.file
    var leftovers = AdapterOutcome.Leftover.all(of: file)
    var taken: [String: String] = [:]
    var kinds: [String: Int] = [:]
    for module in file.modules {
      let name = module.name.path
      func leave(_ reason: String) {
        leftovers.append(AdapterOutcome.Leftover(name: name, reason: reason, isKnown: false))
      }
      let target: AdapterTargets.Target
      do throws(AdapterTargets.Miss) {
        target = try targets.target(of: module.name) { module.misfit(in: file, on: $0) == nil }
      } catch {
        leave(error.reason)
        continue
      }
      if let first = taken.updateValue(name, forKey: target.module) {
        leave("'\(first)' is '\(target.module)' too")
        continue
      }
      if let misfit = module.misfit(in: file, on: target) { throw misfit }
      var isUsed = false
      if module.change != nil, let weight = target.weight {
        changes[weight.name, default: []].append(
          Change(adapter: index, module: module, isBias: false))
        isUsed = true
      }
      if module.bias != nil, let bias = target.bias {
        changes[bias.name, default: []].append(
          Change(adapter: index, module: module, isBias: true))
        isUsed = true
      } else if module.bias != nil {
        leave("'\(target.module)' has no bias to change")
      }
      if isUsed { kinds[module.kind, default: 0] += 1 }
    }
    return AdapterOutcome(
      path: application.adapter.checkpoint.path, strength: application.strength,
      applied: kinds.values.reduce(0, +), total: file.modules.count + file.incompleteCount,
      kinds: kinds,
      leftovers: leftovers)
  }

  /// The computation of a changed tensor; `nil` for one that does not change.
  ///
  /// - Parameter base: the tensor under its canonical name and shape, of a decodable type.
  /// - Throws: the errors of `AdapterValues`.
  func computation(of base: TensorView) throws -> (any RowComputation)? {
    guard let changes = changes[base.name] else { return nil }
    return AdaptedRows(base, try changes.map { try step($0, for: base) })
  }

  private func step(_ change: Change, for base: TensorView) throws -> AdapterStep {
    let application = applications[change.adapter]
    let values = AdapterValues(application.adapter.checkpoint)
    let module = change.module
    let scale = Float(try application.adapter.scale(of: module) * application.strength)
    let strength = Float(application.strength)
    guard scale.isFinite else {
      throw AdapterError(
        .unsupported("the scale of module '\(module.name.path)' is beyond all numbers"),
        origin: application.adapter.checkpoint.path)
    }
    if change.isBias, let place = module.bias {
      return AdapterStep(
        change: DirectChange(values: try values.floats(at: place), columns: 1),
        scale: module.isBiasScaled ? scale : strength)
    }
    var step: AdapterStep
    switch module.change {
    case .lowRank(let product)?:
      step = AdapterStep(
        change: LowRankChange(matrix: try FactoredMatrix(product, values)), scale: scale)
    case .hadamard(let first, let second)?:
      step = AdapterStep(
        change: HadamardChange(
          first: try FactoredMatrix(first, values), second: try FactoredMatrix(second, values)),
        scale: scale)
    case .kronecker(let first, let second)?:
      step = AdapterStep(change: try KroneckerChange(first, second, values), scale: scale)
    case .generalised(let a, let b)?:
      step = AdapterStep(
        change: GeneralisedChange(
          first: try values.floats(at: a[0]), second: try values.floats(at: a[1]),
          inputs: base.shape[1], sum: try FactoredMatrix(b, values)), scale: scale)
    case .difference(let place)?:
      let rows = base.shape.dimensions.first ?? 1
      step = AdapterStep(
        change: DirectChange(
          values: try values.floats(at: place), columns: base.shape.elementCount / max(rows, 1)),
        scale: strength)
    case nil: preconditionFailure("a change of the weight without one")
    }
    if let place = module.magnitude {
      let magnitudes = try values.floats(at: place)
      let isByRow = module.hasRowMagnitudes(in: application.adapter.file)
      step.magnitude = isByRow ? .rows(magnitudes) : .inputs(magnitudes)
    }
    if step.magnitude == nil, strength != 0, step.scale == 0 || step.change.isNothing {
      idle.modules.withLock { _ = $0[change.adapter, default: []].insert(module.name) }
    }
    return step
  }
}

extension AdapterTargets.Miss {
  /// The reason as reports print it.
  var reason: String {
    switch self {
    case .unknown(let nearest):
      "the model has no such module" + (nearest.map { ", nearest '\($0)'" } ?? "")
    case .absent(let component): "the model has no \(component)"
    case .ambiguous(let names):
      "could be " + names.map { "'\($0)'" }.joined(separator: " or ")
    }
  }
}
