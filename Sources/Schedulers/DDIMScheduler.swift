/// Denoising diffusion implicit models (Song et al., 2021) with η = 0, as diffusers'
/// `DDIMScheduler`.
struct DDIMScheduler: Scheduler {
  let timesteps: [Float]
  let initialNoiseSigma: Float = 1
  private let schedule: NoiseSchedule
  private let stride: Int

  init(_ schedule: NoiseSchedule, steps: Int) {
    self.schedule = schedule
    stride = schedule.trainingSteps / steps
    timesteps = schedule.timesteps(steps, spacing: schedule.spacing ?? .leading).map {
      Float($0.rounded(.toNearestOrEven))
    }
  }

  /// Equation 12 of the paper.
  mutating func advance(output: [Float], step: Int, sample: [Float]) -> [Float] {
    let timestep = Int(timesteps[step])
    let share = schedule.share(at: timestep, endsAtOneUnlessSaid: true)
    let nextShare = schedule.share(at: timestep - stride, endsAtOneUnlessSaid: true)
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
      // diffusers' class clips unless told not to, and its pipelines tell it not to.
      if schedule.clipsPicture ?? true {
        picture = min(max(picture, -schedule.clipRange), schedule.clipRange)
      }
      direction *= nextNoise
      return nextSignal * picture + direction
    }
  }
}
