internal import Generation
internal import KeyLayouts
internal import Schedulers
internal import TensorCore

extension Validator {
  private static let casesKey = "scheduler.cases"

  /// Trajectories through recorded noise predictions: every step from the recorded latents before
  /// it, the run as a whole, scaled inputs, timesteps.
  func checkSchedulers() throws -> [Check] {
    try reference.cases(Self.casesKey).flatMap { entry in
      guard let name = entry["name"]?.stringValue, let steps = entry["steps"]?.intValue,
        let configuration = entry["config"]?.objectValue,
        let kind = configuration["_class_name"]?.stringValue.flatMap(SchedulerKind.init)
      else {
        let kinds = SchedulerKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw unusable(Self.casesKey, "expected name, steps and config with one of \(kinds)")
      }
      let scheduler = try sampler(kind, steps: steps, recorded: configuration)
      return try check(scheduler, name: name, remark: difference(from: configuration))
    }
  }

  /// The sampler of a recorded case.
  ///
  /// The model's own class runs with the model's own configuration: another one is another model.
  /// Any other class runs with the configuration that diffusers gave it, where it is recorded: what
  /// such a class takes over depends on which defaults a file spells out, and a checkpoint has no
  /// such file.
  func sampler(
    _ kind: SchedulerKind, steps: Int, recorded: JSONObject? = nil
  ) throws -> any Scheduler {
    let plan = try SchedulerPlan(of: model)
    guard try plan.ownKind != kind, let recorded = try recorded ?? recordedConfiguration(kind)
    else { return try plan.makeScheduler(kind, steps: steps) }
    do {
      return try kind.makeScheduler(steps: steps, configuration: recorded)
    } catch {
      throw unusable(Self.casesKey, "\(error)")
    }
  }

  private func recordedConfiguration(_ kind: SchedulerKind) throws -> JSONObject? {
    guard reference.metadata[Self.casesKey] != nil else { return nil }
    return try reference.cases(Self.casesKey).compactMap { $0["config"]?.objectValue }
      .first { $0["_class_name"]?.stringValue == kind.rawValue }
  }

  /// The first field of the model's own configuration that says something else than a recorded one
  /// of the same class.
  private func difference(from recorded: JSONObject) -> String? {
    guard let own = model.configurations["scheduler"],
      own["_class_name"] == recorded["_class_name"]
    else { return nil }
    // diffusers' pipeline corrects two, and the underscored ones are its own notes.
    let corrected = ["steps_offset", "clip_sample"]
    for member in own.members where !member.key.hasPrefix("_") && !corrected.contains(member.key) {
      guard let value = recorded[member.key], value != member.value,
        value.doubleValue == nil || value.doubleValue != member.value.doubleValue
      else { continue }
      return "'\(member.key)' is \(member.value.text()) in the model, \(value.text()) in the "
        + "reference"
    }
    return nil
  }

  private func check(
    _ scheduler: any Scheduler, name: String, remark: String?
  ) throws -> [Check] {
    let entry = "scheduler/\(name)"
    let count = scheduler.timesteps.count
    let timesteps = try reference.floats("\(entry)/timesteps", shape: [nil])
    guard timesteps.values.count == count else {
      return [
        Check(
          name: "\(name): timesteps",
          comparison: Comparison(incomparableWith: timesteps.shape), bound: .identical,
          remark: remark ?? "the model's configuration gives \(count) timesteps")
      ]
    }
    let initial = try reference.floats("\(entry)/initial", shape: [1, nil, nil, nil])
    let series = [count] + initial.shape.dropFirst()
    let noise = try reference.floats("\(entry)/noise", shape: series)
    let scaled = try reference.floats("\(entry)/scaled", shape: series)
    let trajectory = try reference.floats("\(entry)/trajectory", shape: series)

    let run = RecordedRun(initial: initial.values, noise: noise.values, count: count)
    let (found, seconds) = timed { run.steps(of: scheduler, from: trajectory.values) }
    let whole = run.steps(of: scheduler, from: nil).latents
    func check(
      _ what: String, _ found: [Float], _ expected: RecordedTensor<Float>, _ bound: Bound,
      seconds: Double = 0
    ) -> Check {
      let comparison = Comparison(
        found: found, expected: expected.values, shape: expected.shape)
      return Check(
        name: "\(name), \(count) evaluations: \(what)", comparison: comparison, bound: bound,
        remark: bound.accepts(comparison) ? nil : remark, seconds: seconds)
    }
    return [
      check("each step", found.latents, trajectory, .scheduler, seconds: seconds),
      check("whole trajectory", whole, trajectory, .wholeTrajectory),
      check("model inputs", found.inputs, scaled, .scheduler),
      check("timesteps", scheduler.timesteps, timesteps, .identical),
    ]
  }
}

/// Recorded noise predictions for a sampler to go along.
private struct RecordedRun {
  let initial: [Float]
  let noise: [Float]
  let count: Int

  /// What the model would be given and the latents behind each step.
  ///
  /// - Parameter recorded: latents behind each step, from which the next one starts; `nil` to go on
  ///   from the sampler's own.
  func steps(
    of scheduler: any Scheduler, from recorded: [Float]?
  ) -> (inputs: [Float], latents: [Float]) {
    var scheduler = scheduler
    let size = initial.count
    var (inputs, latents, visited): ([Float], [Float], [Float]) = ([], initial, [])
    for step in 0..<count {
      let place = step * size..<(step + 1) * size
      inputs += scheduler.modelInput(latents, step: step)
      latents = scheduler.advance(output: Array(noise[place]), step: step, sample: latents)
      visited += latents
      if let recorded { latents = Array(recorded[place]) }
    }
    return (inputs, visited)
  }
}
