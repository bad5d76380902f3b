public import KeyLayouts
public import Schedulers
internal import TensorCore

/// The samplers that a model can be drawn with: its own class, and any other with its betas.
public struct SchedulerPlan: Sendable {
  private let configuration: JSONObject
  private let origin: String

  /// Reads the scheduler's configuration of a model.
  ///
  /// - Throws: `GenerationError` when the model has none.
  public init(of model: CanonicalModel) throws(GenerationError) {
    guard let configuration = model.configurations["scheduler"] else {
      throw GenerationError(
        problem: "\(model.origin): scheduler: the model has no configuration of it")
    }
    self.configuration = configuration
    origin = model.origin
  }

  /// The sampler that the model names.
  ///
  /// - Throws: `GenerationError` when it is none of ours.
  public var ownKind: SchedulerKind {
    get throws(GenerationError) {
      let name = configuration["_class_name"]
      guard let kind = name?.stringValue.flatMap(SchedulerKind.init(rawValue:)) else {
        let known = SchedulerKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw GenerationError(
          problem: "\(origin): scheduler: configuration field '_class_name' is "
            + "\(name?.text() ?? "missing"), expected one of \(known)")
      }
      return kind
    }
  }

  /// A sampler for some steps, configured as diffusers' pipeline configures it.
  ///
  /// - Throws: `GenerationError` for a configuration or a number of steps that is not supported.
  public func makeScheduler(
    _ kind: SchedulerKind, steps: Int
  ) throws(GenerationError) -> any Scheduler {
    let own = configuration["_class_name"]?.stringValue
    do {
      return try kind.makeScheduler(
        steps: steps,
        configuration: SchedulerKind.pipelineConfiguration(
          configuration, isExchanged: kind.rawValue != own))
    } catch {
      throw GenerationError(problem: "\(origin): \(error)")
    }
  }
}
