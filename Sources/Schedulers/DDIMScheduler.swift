internal import TensorCore

/// Denoising diffusion implicit models (Song et al., 2021) with η = 0, as diffusers'
/// `DDIMScheduler`.
struct DDIMScheduler: Scheduler {
  let timesteps: [Float]
  let initialNoiseSigma: Float = 1
  private let schedule: NoiseSchedule
  private let stride: Int
  /// The limit on the predicted picture; `nil` where it is not clipped.
  private let clipRange: Float?

  init(
    _ schedule: NoiseSchedule, _ fields: SchedulerFields, steps: Int
  ) throws(SchedulerError) {
    self.schedule = schedule
    try fields.require("thresholding", false)
    try fields.require("rescale_betas_zero_snr", false)
    // diffusers' class clips unless told not to, and its pipelines tell it not to.
    let range = Float(try fields.number("clip_sample_range", default: 1))
    clipRange = try fields.flag("clip_sample") ?? true ? range : nil
    let stride = schedule.trainingSteps / steps
    let visited = schedule.wholeTimesteps(steps)
    try schedule.require(visited + visited.map { max($0 - stride, 0) }, of: steps)
    self.stride = stride
    timesteps = visited.map { Float($0) }
  }

  /// Equation 12 of the paper.
  mutating func advance(output: [Float], step: Int, sample: [Float]) -> [Float] {
    let timestep = Int(timesteps[step])
    let share = schedule.share(at: timestep)
    let nextShare = schedule.share(behind: timestep - stride, endsAtOneUnlessSaid: true)
    let (signal, noise) = (share.squareRoot(), (1 - share).squareRoot())
    let (nextSignal, nextNoise) = (nextShare.squareRoot(), (1 - nextShare).squareRoot())
    return zip(output, sample).map { output, sample in
      var picture: Float
      var direction: Float
      switch schedule.prediction {
      case .noise:
        picture = (sample - noise * output) / signal
        direction = output
      case .velocity:
        picture = signal * sample - noise * output
        direction = signal * output + noise * sample
      }
      if let clipRange { picture = min(max(picture, -clipRange), clipRange) }
      direction *= nextNoise
      return nextSignal * picture + direction
    }
  }
}
