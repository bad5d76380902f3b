internal import Foundation
internal import TensorCore

/// What all samplers share: how much of the picture is left at each training timestep, and which of
/// the timesteps a run visits.
struct NoiseSchedule: Sendable {
  /// What the model was trained to predict.
  enum Prediction: String, Sendable {
    case noise = "epsilon"
    case velocity = "v_prediction"
  }

  /// Where the visited timesteps lie (Lin et al., 2024, table 2).
  enum Spacing: String, Sendable {
    case leading, linspace, trailing
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
  /// Whether the predicted picture is clipped, where the configuration says so.
  let clipsPicture: Bool?
  /// The limit on the predicted picture where it is clipped.
  let clipRange: Float
  let skipsRungeKutta: Bool

  /// Reads diffusers' configuration.
  init(_ configuration: JSONObject) throws(SchedulerError) {
    func error(_ field: String, _ expected: String) -> SchedulerError {
      SchedulerError(
        field: field, expected: expected, found: configuration[field]?.text() ?? "missing")
    }
    func number(_ field: String, _ value: Double) throws(SchedulerError) -> Double {
      guard let json = configuration[field], json != .null else { return value }
      guard let number = json.doubleValue else { throw error(field, "a number") }
      return number
    }
    func choice(_ field: String, _ value: String) throws(SchedulerError) -> String {
      guard let json = configuration[field], json != .null else { return value }
      guard let string = json.stringValue else { throw error(field, "a name") }
      return string
    }
    let training = try number("num_train_timesteps", 1000)
    guard let steps = Int(exactly: training), (1...100_000).contains(steps) else {
      throw error("num_train_timesteps", "a whole number, 1 to 100000")
    }
    guard let prediction = Prediction(rawValue: try choice("prediction_type", "epsilon")) else {
      throw error("prediction_type", "epsilon or v_prediction")
    }
    let spacingName = try choice("timestep_spacing", "")
    spacing = Spacing(rawValue: spacingName)
    if !spacingName.isEmpty && spacing == nil {
      throw error("timestep_spacing", "leading, linspace or trailing")
    }
    if configuration["trained_betas"] ?? .null != .null {
      throw error("trained_betas", "null")
    }
    for field in [
      "rescale_betas_zero_snr", "thresholding", "use_karras_sigmas", "use_exponential_sigmas",
      "use_beta_sigmas",
    ] where configuration[field]?.boolValue == true {
      throw error(field, "false")
    }
    let start = try number("beta_start", 0.0001)
    let end = try number("beta_end", 0.02)
    let betas: [Float]
    switch try choice("beta_schedule", "linear") {
    case "scaled_linear":
      betas = Self.linspace(Float(start.squareRoot()), Float(end.squareRoot()), steps).map {
        $0 * $0
      }
    case "linear": betas = Self.linspace(Float(start), Float(end), steps)
    default: throw error("beta_schedule", "scaled_linear or linear")
    }
    var product = 1.0
    alphasCumulated = betas.map { beta in
      // torch accumulates in double and rounds each result.
      product *= Double(1 - beta)
      return Float(product)
    }
    trainingSteps = steps
    self.prediction = prediction
    stepsOffset = Int(try number("steps_offset", 0))
    endsAtOne = configuration["set_alpha_to_one"]?.boolValue
    clipsPicture = configuration["clip_sample"]?.boolValue
    clipRange = Float(try number("clip_sample_range", 1))
    skipsRungeKutta = configuration["skip_prk_steps"]?.boolValue == true
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
      let ratio = Double(trainingSteps) / Double(steps)
      return (0..<steps).map {
        (Double(trainingSteps) - Double($0) * ratio).rounded(.toNearestOrEven) - 1
      }
    }
  }

  /// The share of the picture at a timestep, or behind the last one.
  func share(at timestep: Int, endsAtOneUnlessSaid standard: Bool) -> Float {
    guard timestep >= 0 else {
      return endsAtOne ?? standard ? 1 : alphasCumulated[0]
    }
    return alphasCumulated[min(timestep, trainingSteps - 1)]
  }
}
