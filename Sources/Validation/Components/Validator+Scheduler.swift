internal import Generation
internal import Schedulers
internal import TensorCore

extension Validator {
  /// Trajectories through recorded noise predictions: every latent, scaled inputs, timesteps. The
  /// samplers are made from the model's own configuration.
  func checkSchedulers() throws -> [Check] {
    let plan = try SchedulerPlan(of: model)
    // A class that nobody knows fails here and not after the other checks.
    _ = try plan.ownKind
    return try reference.cases("scheduler.cases").flatMap { entry in
      guard let name = entry["name"]?.stringValue, let steps = entry["steps"]?.intValue,
        let kind = entry["config"]?["_class_name"]?.stringValue.flatMap(SchedulerKind.init)
      else {
        let kinds = SchedulerKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw unusable(
          "scheduler.cases", "expected name, steps and config with one of \(kinds)")
      }
      let scheduler = try plan.makeScheduler(kind, steps: steps)
      return try check(scheduler, name: name)
    }
  }

  private func check(_ scheduler: any Scheduler, name: String) throws -> [Check] {
    let entry = "scheduler/\(name)"
    let count = scheduler.timesteps.count
    let timesteps = try reference.floats("\(entry)/timesteps", shape: [nil])
    guard timesteps.values.count == count else {
      return [
        Check(
          name: "\(name): timesteps",
          comparison: Comparison(incomparableWith: timesteps.shape), bound: .identical,
          remark: "the model's configuration gives \(count) timesteps")
      ]
    }
    let initial = try reference.floats("\(entry)/initial", shape: [1, nil, nil, nil])
    let size = initial.values.count
    let series = [count] + initial.shape.dropFirst()
    let noise = try reference.floats("\(entry)/noise", shape: series)
    let scaled = try reference.floats("\(entry)/scaled", shape: series)
    let trajectory = try reference.floats("\(entry)/trajectory", shape: series)

    let (found, seconds) = timed {
      var scheduler = scheduler
      var (inputs, latents, visited): ([Float], [Float], [Float]) = ([], initial.values, [])
      for step in 0..<count {
        inputs += scheduler.modelInput(latents, step: step)
        let output = Array(noise.values[step * size..<(step + 1) * size])
        latents = scheduler.advance(output: output, step: step, sample: latents)
        visited += latents
      }
      return (inputs: inputs, trajectory: visited)
    }
    func check(
      _ what: String, _ found: [Float], _ expected: RecordedTensor<Float>, _ bound: Bound,
      seconds: Double = 0
    ) -> Check {
      Check(
        name: "\(name), \(count) evaluations: \(what)",
        comparison: Comparison(found: found, expected: expected.values, shape: expected.shape),
        bound: bound, seconds: seconds)
    }
    return [
      check("trajectory", found.trajectory, trajectory, .scheduler, seconds: seconds),
      check("model inputs", found.inputs, scaled, .scheduler),
      check("timesteps", scheduler.timesteps, timesteps, .identical),
    ]
  }
}
