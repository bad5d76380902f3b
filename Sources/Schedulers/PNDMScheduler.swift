/// Pseudo linear multistep sampling (Liu et al., 2022), as diffusers' `PNDMScheduler` with
/// `skip_prk_steps`: the second timestep is visited twice to get the multistep formula started, so
/// n steps make n + 1 evaluations.
struct PNDMScheduler: Scheduler {
  let timesteps: [Float]
  let initialNoiseSigma: Float = 1
  private let schedule: NoiseSchedule
  private let stride: Int
  /// Up to four predictions, the newest last.
  private var outputs: [[Float]] = []
  private var firstSample: [Float] = []

  init(_ schedule: NoiseSchedule, steps: Int) throws(SchedulerError) {
    guard schedule.skipsRungeKutta else {
      throw SchedulerError(field: "skip_prk_steps", expected: "true", found: "false")
    }
    self.schedule = schedule
    stride = schedule.trainingSteps / steps
    var visited = schedule.timesteps(steps, spacing: schedule.spacing ?? .leading).map {
      Float($0.rounded(.toNearestOrEven))
    }
    if visited.count > 1 { visited.insert(visited[1], at: 1) }
    timesteps = visited
  }

  mutating func advance(output: [Float], step: Int, sample: [Float]) -> [Float] {
    var timestep = Int(timesteps[step])
    var nextTimestep = timestep - stride
    var sample = sample
    if step == 1 {
      // The first step once more, with the mean of the predictions at both of its ends.
      nextTimestep = timestep
      timestep += stride
    } else {
      outputs = outputs.suffix(3) + [output]
    }
    let newest = outputs.count - 1
    let combined: [Float]
    switch (step, outputs.count) {
    case (0, _):
      combined = output
      firstSample = sample
    case (1, _):
      combined = zip(output, outputs[newest]).map { ($0 + $1) / 2 }
      sample = firstSample
      firstSample = []
    case (_, 2):
      combined = zip(outputs[newest], outputs[newest - 1]).map { (3 * $0 - $1) / 2 }
    case (_, 3):
      let (e1, e2, e3) = (outputs[newest], outputs[newest - 1], outputs[newest - 2])
      combined = e1.indices.map { (23 * e1[$0] - 16 * e2[$0] + 5 * e3[$0]) / 12 }
    default:
      let (e1, e2, e3, e4) = (
        outputs[newest], outputs[newest - 1], outputs[newest - 2], outputs[newest - 3]
      )
      combined = e1.indices.map {
        Float(1.0 / 24) * (55 * e1[$0] - 59 * e2[$0] + 37 * e3[$0] - 9 * e4[$0])
      }
    }
    return transfer(sample, output: combined, from: timestep, to: nextTimestep)
  }

  /// Equation 9 of the paper.
  private func transfer(
    _ sample: [Float], output: [Float], from timestep: Int, to nextTimestep: Int
  ) -> [Float] {
    let share = schedule.share(at: timestep, endsAtOneUnlessSaid: false)
    let nextShare = schedule.share(at: nextTimestep, endsAtOneUnlessSaid: false)
    let (rest, nextRest) = (1 - share, 1 - nextShare)
    let sampleFactor = (nextShare / share).squareRoot()
    let divisor = share * nextRest.squareRoot() + (share * rest * nextShare).squareRoot()
    return zip(sample, output).map { sample, output in
      let noise =
        switch schedule.prediction {
        case .noise: output
        case .velocity: share.squareRoot() * output + rest.squareRoot() * sample
        }
      return sampleFactor * sample - (nextShare - share) * noise / divisor
    }
  }
}
