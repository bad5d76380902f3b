/// Pseudo linear multistep sampling (Liu et al., 2022), as diffusers' `PNDMScheduler`.
///
/// The multistep formula needs three earlier predictions. With `skip_prk_steps` the second timestep
/// is visited twice to get it started, so n steps make n + 1 evaluations; without, twelve
/// Runge–Kutta evaluations take the place of the first three steps.
struct PNDMScheduler: Scheduler {
  /// The timesteps that one evaluation leads from and to.
  private struct Move {
    let from: Int
    let to: Int
  }

  let timesteps: [Float]
  let initialNoiseSigma: Float = 1
  private let schedule: NoiseSchedule
  private let moves: [Move]
  /// The evaluations that Runge–Kutta steps take, four each.
  private let rungeKuttaCount: Int
  /// Up to four predictions, the newest last.
  private var outputs: [[Float]] = []
  private var firstSample: [Float] = []
  /// The weighted sum of the predictions within a Runge–Kutta step.
  private var sum: [Float] = []

  init(
    _ schedule: NoiseSchedule, _ fields: SchedulerFields, steps: Int
  ) throws(SchedulerError) {
    self.schedule = schedule
    let stride = schedule.trainingSteps / steps
    var visited = schedule.wholeTimesteps(steps)
    var moves: [Move] = []
    if try fields.flag("skip_prk_steps") == true {
      if visited.count > 1 { visited.insert(visited[1], at: 1) }
    } else {
      guard visited.count >= 4 else {
        throw SchedulerError(
          field: "steps", expected: "4 or more where 'skip_prk_steps' is not true",
          found: String(steps))
      }
      let half = stride / 2
      let start = visited
      visited = []
      for (timestep, next) in zip(start.prefix(3), start.dropFirst()) {
        visited += [timestep, next + half, next + half, next]
        moves += [timestep - half, next + half, next, next].map { Move(from: timestep, to: $0) }
      }
      visited += start.dropFirst(3)
    }
    rungeKuttaCount = moves.count
    for (step, timestep) in visited.enumerated().dropFirst(moves.count) {
      // The second evaluation takes the first step once more.
      let isRepeated = step == 1
      moves.append(
        Move(
          from: isRepeated ? timestep + stride : timestep,
          to: isRepeated ? timestep : timestep - stride))
    }
    try schedule.require(moves.map(\.from) + moves.map { max($0.to, 0) }, of: steps)
    self.moves = moves
    timesteps = visited.map { Float($0) }
  }

  mutating func advance(output: [Float], step: Int, sample: [Float]) -> [Float] {
    step < rungeKuttaCount
      ? advanceByRungeKutta(output, step, sample) : advanceByMultistep(output, step, sample)
  }

  /// Equation 13 of the paper, one of its four evaluations.
  private mutating func advanceByRungeKutta(
    _ output: [Float], _ step: Int, _ sample: [Float]
  ) -> [Float] {
    let (sixth, third) = (Float(1.0 / 6), Float(1.0 / 3))
    var combined = output
    switch step % 4 {
    case 0:
      sum = output.map { sixth * $0 }
      outputs.append(output)
      firstSample = sample
    case 3: combined = zip(sum, output).map { $0 + sixth * $1 }
    default: sum = zip(sum, output).map { $0 + third * $1 }
    }
    return transfer(firstSample, output: combined, moves[step])
  }

  /// Equation 12 of the paper.
  private mutating func advanceByMultistep(
    _ output: [Float], _ step: Int, _ sample: [Float]
  ) -> [Float] {
    var sample = sample
    // The second evaluation only corrects the first.
    if step != 1 { outputs = outputs.suffix(3) + [output] }
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
    return transfer(sample, output: combined, moves[step])
  }

  /// Equation 9 of the paper.
  private func transfer(_ sample: [Float], output: [Float], _ move: Move) -> [Float] {
    let share = schedule.share(at: move.from)
    let nextShare = schedule.share(behind: move.to, endsAtOneUnlessSaid: false)
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
