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
    // All of the reference is read before the first picture: drawing takes minutes.
    let cases = try entries.enumerated().map { number, entry in
      try recorded(try request(entry, in: key), number)
    }
    let pipeline = try Pipeline(model: model)
    for recorded in cases {
      do {
        _ = try pipeline.completed(recorded.request)
      } catch let error as GenerationError {
        throw unusable(key, "\(recorded.title): \(error)")
      }
    }
    return try cases.enumerated().flatMap { number, recorded -> [Check] in
      let request = recorded.request
      let sampler = try request.scheduler.map { try self.sampler($0, steps: request.steps) }
      let (result, seconds) = try timed {
        try pipeline.generate(request, sampler: sampler) { evaluation in
          progress(
            ValidationProgress(
              component: .generation, part: number + 1, parts: cases.count,
              done: evaluation.done, total: evaluation.total))
        }
      }
      return try check(result, recorded, seconds: seconds)
    }
  }

  /// A recorded case: what was asked, and what diffusers made of it.
  private struct RecordedGeneration {
    let entry: String
    let title: String
    let request: GenerationRequest
    let picture: RecordedTensor<UInt8>
    let latents: RecordedTensor<Float>
    let noise: RecordedTensor<Float>
  }

  private func recorded(_ request: GenerationRequest, _ number: Int) throws -> RecordedGeneration {
    let entry = "generation/\(number)"
    return RecordedGeneration(
      entry: entry, title: "picture \(number + 1)", request: request,
      picture: try reference.bytes("\(entry)/picture", shape: [request.height, request.width, 3]),
      latents: try reference.floats("\(entry)/latents", shape: [1, nil, nil, nil]),
      noise: try reference.floats("\(entry)/initial", shape: [1, nil, nil, nil]))
  }

  private func check(
    _ result: GenerationResult, _ recorded: RecordedGeneration, seconds: Double
  ) throws -> [Check] {
    let request = recorded.request
    let sampler = request.scheduler?.rawValue.replacing("Scheduler", with: "") ?? ""
    return [
      Check(
        name: "\(recorded.title), \(sampler), \(request.steps) steps, seed \(request.seed)",
        comparison: Comparison(
          found: result.picture.pixels.map(Float.init),
          expected: recorded.picture.values.map(Float.init), shape: recorded.picture.shape,
          peak: 255),
        bound: .picture, seconds: seconds),
      Check(
        name: "\(recorded.title), final latents",
        comparison: try compare(
          result.latents, with: recorded.latents, named: "\(recorded.entry)/latents"),
        bound: .finalLatents),
      Check(
        name: "\(recorded.title), initial noise",
        comparison: try compare(
          result.initialNoise, with: recorded.noise, named: "\(recorded.entry)/initial"),
        bound: .initialNoise),
    ]
  }

  private func compare(
    _ found: [Float], with expected: RecordedTensor<Float>, named name: String
  ) throws -> Comparison {
    guard found.count == expected.values.count else {
      throw ReferenceError(
        path: reference.path,
        problem: .shape(
          tensor: name, expected: "\(found.count) values", found: TensorShape(expected.shape)))
    }
    return Comparison(found: found, expected: expected.values, shape: expected.shape)
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
