internal import Foundation

/// What all samplers share: how much of the picture is left at each training timestep, and which of
/// the timesteps a run visits.
struct NoiseSchedule: Sendable {
  /// What the model was trained to predict.
  enum Prediction: String, Sendable, CaseIterable {
    case noise = "epsilon"
    case velocity = "v_prediction"
  }

  /// Where the visited timesteps lie (Lin et al., 2024, table 2).
  enum Spacing: String, Sendable, CaseIterable {
    case leading, linspace, trailing
  }

  /// How the variances grow where they are not listed.
  private enum Growth: String, CaseIterable {
    case scaledLinear = "scaled_linear"
    case linear
    case cosine = "squaredcos_cap_v2"
  }

  let trainingSteps: Int
  /// The cumulated products of 1 − β: the share of the picture's variance at each timestep.
  let alphasCumulated: [Float]
  let prediction: Prediction
  /// `nil` where the configuration leaves it to the sampler.
  let spacing: Spacing?
  let stepsOffset: Int
  /// Whether the step behind the last timestep ends at a share of 1 and not at timestep 0's.
  let endsAtOne: Bool?

  /// Reads diffusers' configuration.
  init(_ fields: SchedulerFields) throws(SchedulerError) {
    let limits = 1...100_000
    trainingSteps = try fields.integer("num_train_timesteps", default: 1000, in: limits)
    prediction = try fields.choice("prediction_type") ?? .noise
    spacing = try fields.choice("timestep_spacing")
    stepsOffset = try fields.integer("steps_offset", default: 0, in: 0...100_000)
    endsAtOne = try fields.flag("set_alpha_to_one")
    var product = 1.0
    alphasCumulated = try Self.betas(fields, count: trainingSteps).map { beta in
      // torch accumulates in double and rounds each result.
      product *= Double(1 - beta)
      return Float(product)
    }
  }

  private static func betas(
    _ fields: SchedulerFields, count: Int
  ) throws(SchedulerError) -> [Float] {
    func checked(_ value: Double, _ field: String) throws(SchedulerError) -> Double {
      guard value >= 0, value < 1 else { throw fields.error(field, "0 or more and below 1") }
      return value
    }
    if let listed = try fields.numbers("trained_betas") {
      var betas: [Float] = []
      for beta in listed { betas.append(Float(try checked(beta, "trained_betas"))) }
      return betas
    }
    let growth: Growth = try fields.choice("beta_schedule") ?? .linear
    let start = try checked(try fields.number("beta_start", default: 0.0001), "beta_start")
    let end = try checked(try fields.number("beta_end", default: 0.02), "beta_end")
    switch growth {
    case .scaledLinear:
      return linspace(Float(start.squareRoot()), Float(end.squareRoot()), count).map { $0 * $0 }
    case .linear: return linspace(Float(start), Float(end), count)
    case .cosine:
      return (0..<count).map { step in
        let share = [step, step + 1].map { step in
          pow(cos((Double(step) / Double(count) + 0.008) / 1.008 * Double.pi / 2), 2)
        }
        return Float(min(1 - share[1] / share[0], 0.999))
      }
    }
  }

  /// `torch.linspace` in single precision: the second half is counted from the end, and product and
  /// sum are rounded once, together.
  private static func linspace(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
    guard count > 1 else { return [start] }
    let step = (end - start) / Float(count - 1)
    return (0..<count).map {
      $0 < count / 2
        ? start.addingProduct(step, Float($0)) : end.addingProduct(-step, Float(count - 1 - $0))
    }
  }

  /// The timesteps that `steps` steps visit, the noisiest first, as floating point numbers.
  func timesteps(_ steps: Int, spacing: Spacing) -> [Double] {
    switch spacing {
    case .leading:
      let ratio = trainingSteps / steps
      return (0..<steps).reversed().map { Double($0 * ratio + stepsOffset) }
    case .linspace:
      guard steps > 1 else { return [0] }
      let step = Double(trainingSteps - 1) / Double(steps - 1)
      return (0..<steps).reversed().map { Double($0) * step }
    case .trailing:
      // `numpy.arange(training, 0, -ratio)`: the step is taken from the second value, and the
      // rounding of the ratio may make room for one value more, just above 0.
      let start = Double(trainingSteps)
      let ratio = start / Double(steps)
      let step = (start - ratio) - start
      return (0..<Int((start / ratio).rounded(.up))).map {
        (start + Double($0) * step).rounded(.toNearestOrEven) - 1
      }
    }
  }

  /// The timesteps as whole numbers.
  func wholeTimesteps(_ steps: Int) -> [Int] {
    timesteps(steps, spacing: spacing ?? .leading).map { Int($0.rounded(.toNearestOrEven)) }
  }

  /// Refuses timesteps beyond the schedule, with which diffusers fails half way.
  func require(_ timesteps: [Int], of steps: Int) throws(SchedulerError) {
    let last = alphasCumulated.count - 1
    guard let beyond = timesteps.first(where: { $0 > last || $0 < -last - 1 }) else { return }
    throw SchedulerError(
      field: "steps",
      expected: "a number that stays within the schedule: timestep \(beyond) is beyond \(last)",
      found: String(steps))
  }

  /// The share of the picture at a timestep that is visited. Below 0, where rounding leads some
  /// trailing spacings, diffusers counts from the end, as Python does.
  func share(at timestep: Int) -> Float {
    alphasCumulated[timestep < 0 ? alphasCumulated.count + timestep : timestep]
  }

  /// The share of the picture at a timestep that a step leads to, or behind the last one.
  func share(behind timestep: Int, endsAtOneUnlessSaid standard: Bool) -> Float {
    guard timestep >= 0 else { return endsAtOne ?? standard ? 1 : alphasCumulated[0] }
    return alphasCumulated[timestep]
  }
}
