internal import TensorCore

/// The Euler method on the probability flow (Karras et al., 2022, algorithm 1 without its second
/// order correction), as diffusers' `EulerDiscreteScheduler`.
struct EulerScheduler: Scheduler {
  let timesteps: [Float]
  let initialNoiseSigma: Float
  private let schedule: NoiseSchedule
  /// The noise's standard deviation at each step, and 0 behind the last. Between training timesteps
  /// it is interpolated, beyond them held.
  private let sigmas: [Float]

  init(
    _ schedule: NoiseSchedule, _ fields: SchedulerFields, steps: Int
  ) throws(SchedulerError) {
    self.schedule = schedule
    for field in [
      "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "rescale_betas_zero_snr",
    ] { try fields.require(field, false) }
    try fields.require("interpolation_type", "linear")
    try fields.require("timestep_type", "discrete")
    try fields.require("final_sigmas_type", "zero")
    let spacing = schedule.spacing ?? .linspace
    // diffusers keeps these in single precision.
    timesteps = schedule.timesteps(steps, spacing: spacing).map { Float($0) }
    let all = schedule.alphasCumulated.map { ((1 - $0) / $0).squareRoot() }
    sigmas =
      timesteps.map { timestep in
        let position = min(max(Double(timestep), 0), Double(all.count - 1))
        let lower = Int(position)
        let upper = min(lower + 1, all.count - 1)
        let fraction = position - Double(lower)
        return Float(Double(all[lower]) + fraction * (Double(all[upper]) - Double(all[lower])))
      } + [0]
    let largest = sigmas.max() ?? 1
    initialNoiseSigma = spacing == .leading ? (largest * largest + 1).squareRoot() : largest
  }

  func modelInput(_ sample: [Float], step: Int) -> [Float] {
    let divisor = (sigmas[step] * sigmas[step] + 1).squareRoot()
    return sample.map { $0 / divisor }
  }

  mutating func advance(output: [Float], step: Int, sample: [Float]) -> [Float] {
    let sigma = sigmas[step]
    let distance = sigmas[step + 1] - sigma
    let total = sigma * sigma + 1
    return zip(output, sample).map { output, sample in
      let picture =
        switch schedule.prediction {
        case .noise: sample - sigma * output
        case .velocity: output * (-sigma / total.squareRoot()) + sample / total
        }
      return sample + (sample - picture) / sigma * distance
    }
  }
}
