internal import Generation
internal import Schedulers
internal import TensorCore

extension Validator {
  /// Whole pictures, from prompt and seed to 8-bit values, and what lies on the way: the noise of
  /// the seed and the last latents.
  ///
  /// - Parameter progress: told about every evaluation of the U-Net.
  func checkGeneration(progress: (ValidationProgress) -> Void) throws -> [Check] {
    let key = "generation.cases"
    let entries = try reference.cases(key)
    let pipeline = try Pipeline(model: model)
    return try entries.enumerated().flatMap { number, entry in
      let request = try request(entry, in: key)
      let (result, seconds) = try timed {
        try pipeline.generate(request) { evaluation in
          progress(
            ValidationProgress(
              component: .generation, part: number + 1, parts: entries.count,
              done: evaluation.done, total: evaluation.total))
        }
      }
      return try check(result, of: request, entry: "generation/\(number)", seconds: seconds)
    }
  }

  private func check(
    _ result: GenerationResult, of request: GenerationRequest, entry: String, seconds: Double
  ) throws -> [Check] {
    let sampler = request.scheduler?.rawValue.replacing("Scheduler", with: "") ?? ""
    let title = "\(sampler), \(request.steps) steps, seed \(request.seed)"
    let picture = result.picture
    let pixels = try reference.bytes("\(entry)/picture", shape: [picture.height, picture.width, 3])
    func latents(_ what: String, _ found: [Float], _ name: String, _ bound: Bound) throws -> Check {
      let expected = try reference.floats("\(entry)/\(name)", shape: [1, nil, nil, nil])
      guard expected.values.count == found.count else {
        throw ReferenceError(
          path: reference.path,
          problem: .shape(
            tensor: "\(entry)/\(name)", expected: "\(found.count) values",
            found: TensorShape(expected.shape)))
      }
      return Check(
        name: "\(title): \(what)",
        comparison: Comparison(found: found, expected: expected.values, shape: expected.shape),
        bound: bound)
    }
    return [
      Check(
        name: "\(title): picture",
        comparison: Comparison(
          found: picture.pixels.map(Float.init), expected: pixels.values.map(Float.init),
          shape: pixels.shape, peak: 255),
        bound: .picture, seconds: seconds),
      try latents("final latents", result.latents, "latents", .finalLatents),
      try latents("initial noise", result.initialNoise, "initial", .initialNoise),
    ]
  }

  /// The request that a recorded case describes.
  private func request(_ entry: JSONObject, in key: String) throws -> GenerationRequest {
    guard let prompt = entry["prompt"]?.stringValue,
      let negative = entry["negative_prompt"]?.stringValue,
      let seed = entry["seed"]?.intValue.flatMap(UInt64.init(exactly:)),
      let steps = entry["steps"]?.intValue, let guidance = entry["guidance_scale"]?.doubleValue,
      let width = entry["width"]?.intValue, let height = entry["height"]?.intValue,
      let scheduler = entry["scheduler"]?.stringValue.flatMap(SchedulerKind.init)
    else {
      let kinds = SchedulerKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw unusable(
        key,
        "expected prompt, negative_prompt, seed, steps, guidance_scale, width, height and a "
          + "scheduler out of \(kinds)")
    }
    return GenerationRequest(
      prompt: prompt, negativePrompt: negative, steps: steps, guidanceScale: Float(guidance),
      seed: seed, width: width, height: height, scheduler: scheduler)
  }
}
