public import TensorCore

/// A sampler: turns the noise predicted at each timestep into the next, less noisy latents.
///
/// Latents are flat arrays of any shape; a scheduler treats every element alike. A scheduler is a
/// value for one run: it remembers what its multistep formula needs.
public protocol Scheduler: Sendable {
  /// The timesteps at which the model is asked, in order. Some appear twice (PNDM).
  var timesteps: [Float] { get }

  /// The factor on unit noise that gives the first latents.
  var initialNoiseSigma: Float { get }

  /// What the model is to be shown at a step: the latents, or the latents scaled.
  func modelInput(_ sample: [Float], step: Int) -> [Float]

  /// The latents after one step.
  ///
  /// - Parameters:
  ///   - output: the model's prediction, noise or velocity as the configuration says.
  ///   - step: the index into `timesteps`; steps are taken in order, each once.
  ///   - sample: the latents before it.
  mutating func advance(output: [Float], step: Int, sample: [Float]) -> [Float]
}

extension Scheduler {
  /// Most samplers show the model the latents as they are, and start from unit noise.
  public func modelInput(_ sample: [Float], step: Int) -> [Float] { sample }
}

/// The samplers there are, under diffusers' class names.
public enum SchedulerKind: String, Sendable, CaseIterable {
  /// Pseudo numerical methods (Liu et al., 2022), SD 1.x's own.
  case pndm = "PNDMScheduler"
  /// Denoising diffusion implicit models (Song et al., 2021), without added noise.
  case ddim = "DDIMScheduler"
  /// The Euler method on the probability flow (Karras et al., 2022).
  case euler = "EulerDiscreteScheduler"

  /// Makes the sampler for a run.
  ///
  /// - Parameters:
  ///   - steps: the number of inference steps, 1 or more.
  ///   - configuration: diffusers' `scheduler_config.json`; its `_class_name` is not looked at.
  /// - Throws: `SchedulerError` for a field or a number of steps that is not supported.
  public func makeScheduler(
    steps: Int, configuration: JSONObject
  ) throws(SchedulerError) -> any Scheduler {
    let fields = SchedulerFields(configuration: configuration)
    let schedule = try NoiseSchedule(fields)
    guard (1...schedule.trainingSteps).contains(steps) else {
      throw SchedulerError(
        field: "steps", expected: "1 to \(schedule.trainingSteps)", found: String(steps))
    }
    return switch self {
    case .pndm: try PNDMScheduler(schedule, fields, steps: steps)
    case .ddim: try DDIMScheduler(schedule, fields, steps: steps)
    case .euler: try EulerScheduler(schedule, fields, steps: steps)
    }
  }
}

/// A scheduler configuration that is not supported.
public struct SchedulerError: DescribedError, Hashable {
  /// The configuration's field.
  public let field: String
  /// What a valid value looks like.
  public let expected: String
  /// What stands there.
  public let found: String

  /// The line shown to people.
  public var description: String { "scheduler: '\(field)' is \(found), expected \(expected)" }
}
