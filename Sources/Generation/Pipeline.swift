public import DiffusionModels
public import KeyLayouts
internal import Numerics
public import Schedulers
internal import TensorCore

/// Text to picture, as diffusers' `StableDiffusionPipeline`.
public struct Pipeline: Sendable {
  /// The tokenizer.
  public let tokenizer: CLIPTokenizer
  /// The text encoder.
  public let textEncoder: CLIPTextEncoder
  /// The noise predictor.
  public let unet: UNet
  /// The autoencoder.
  public let vae: VAE
  private let schedulers: SchedulerPlan
  let model: CanonicalModel
  private var origin: String { model.origin }

  /// Sizes must divide by this even where the autoencoder's factor is smaller: diffusers' rule.
  private static let sizeFactor = 8
  private static let largestSize = 16_384

  /// Loads every component of a model and checks that they fit together.
  ///
  /// - Throws: the components' own errors; `GenerationError` when two do not fit.
  public init(model: CanonicalModel) throws {
    try model.require()
    tokenizer = try CLIPTokenizer(of: model)
    textEncoder = try CLIPTextEncoder(model: model)
    unet = try UNet(model: model)
    vae = try VAE(model: model)
    self.model = model
    schedulers = try SchedulerPlan(of: model)
    try checkComponents()
  }

  /// Draws a picture.
  ///
  /// - Parameters:
  ///   - sampler: runs in place of the one that the request and the model's configuration give.
  ///   - progress: told about every evaluation of the U-Net; what it throws ends the run.
  /// - Throws: `GenerationError` for a request that cannot be served, and when a network gives
  ///   values that are NaN or infinite;
  ///   `CancellationError` when the task was cancelled, and what `progress` throws.
  public func generate(
    _ request: GenerationRequest, sampler: (any Scheduler)? = nil,
    progress: (GenerationProgress) throws -> Void = { _ in }
  ) throws -> GenerationResult {
    let size = try latentSize(of: request)
    var scheduler =
      try sampler
      ?? schedulers.makeScheduler(request.scheduler ?? schedulers.ownKind, steps: request.steps)
    let prompts = tokenize(request)
    let hiddenStates = try encode(prompts)
    try checkFinite(hiddenStates.floats, from: "text_encoder")
    var random = TorchRandom(seed: request.seed)
    let noise = random.normal(size.reduce(1, *))
    let start = noise.map { $0 * scheduler.initialNoiseSigma }
    let latents = try denoise(
      start, size, &scheduler, hiddenStates, request.guidanceScale, progress)
    return GenerationResult(
      picture: try decode(latents, size), initialNoise: noise, latents: latents,
      droppedText: prompts.compactMap(\.dropped))
  }

  /// A request with the model's own size and sampler where it names none.
  ///
  /// - Throws: `GenerationError` for a request that cannot be served.
  public func completed(_ request: GenerationRequest) throws -> GenerationRequest {
    let scale = vae.configuration.scale
    let size = try latentSize(of: request)
    let kind = try request.scheduler ?? schedulers.ownKind
    _ = try schedulers.makeScheduler(kind, steps: request.steps)
    var request = request
    (request.height, request.width) = (size[2] * scale, size[3] * scale)
    request.scheduler = kind
    return request
  }

  /// The prompt, behind the negative one where there is guidance.
  private func tokenize(_ request: GenerationRequest) -> [CLIPTokenizer.Encoding] {
    let prompts =
      request.guidanceScale > 1 ? [request.negativePrompt, request.prompt] : [request.prompt]
    return prompts.map(tokenizer.encode)
  }

  /// The hidden states of prompts.
  ///
  /// - Throws: `GenerationError` when the tokenizer gives what the text encoder does not know.
  private func encode(_ prompts: [CLIPTokenizer.Encoding]) throws(GenerationError) -> Tensor {
    do { return try textEncoder.encode(tokens: prompts.map(\.ids)) } catch {
      throw GenerationError(problem: "\(origin): \(error.problem): another model's tokenizer?")
    }
  }

  private func denoise(
    _ start: [Float], _ size: [Int], _ scheduler: inout any Scheduler, _ hiddenStates: Tensor,
    _ guidanceScale: Float, _ progress: (GenerationProgress) throws -> Void
  ) throws -> [Float] {
    let batch = hiddenStates.shape[0]
    var latents = start
    for (step, timestep) in scheduler.timesteps.enumerated() {
      try Task.checkCancellation()
      let input = Tensor(shape: size, values: scheduler.modelInput(latents, step: step))
      let predicted = unet.predict(
        sample: Tensor.stacked([Tensor](repeating: input, count: batch)), timestep: timestep,
        hiddenStates: hiddenStates
      ).floats
      try checkFinite(predicted, from: "unet")
      let output =
        batch == 1
        ? predicted
        : zip(predicted[..<latents.count], predicted[latents.count...]).map { away, towards in
          away + guidanceScale * (towards - away)
        }
      latents = scheduler.advance(output: output, step: step, sample: latents)
      try progress(GenerationProgress(done: step + 1, total: scheduler.timesteps.count))
    }
    return latents
  }

  private func decode(_ latents: [Float], _ size: [Int]) throws -> Picture {
    let factor = vae.configuration.scalingFactor
    let decoded = vae.decode(Tensor(shape: size, values: latents.map { $0 / factor }))
    try checkFinite(decoded.floats, from: "vae")
    return Picture(decoded)
  }
}

extension Pipeline {
  /// `[1, channels, height, width]` of the latents of a request.
  private func latentSize(of request: GenerationRequest) throws(GenerationError) -> [Int] {
    let scale = vae.configuration.scale
    let standard = unet.configuration.sampleSize * scale
    let (width, height) = (request.width ?? standard, request.height ?? standard)
    let factor = max(Self.sizeFactor, scale)
    for (name, size) in [("width", width), ("height", height)] {
      guard size >= factor, size <= Self.largestSize, size % factor == 0 else {
        throw GenerationError(
          problem: "\(name) \(size), expected a multiple of \(factor) up to \(Self.largestSize)")
      }
    }
    guard request.steps >= 1 else {
      throw GenerationError(problem: "\(request.steps) steps, expected 1 or more")
    }
    guard request.guidanceScale.isFinite else {
      throw GenerationError(problem: "guidance scale \(request.guidanceScale), expected a number")
    }
    return [1, vae.configuration.latentChannels, height / scale, width / scale]
  }

  private func checkComponents() throws(GenerationError) {
    let latent = vae.configuration.latentChannels
    try expect("unet: in_channels", unet.configuration.inputChannels, latent, "the VAE's latents")
    try expect("unet: out_channels", unet.configuration.outputChannels, latent, "the VAE's latents")
    try expect("vae: in_channels", vae.configuration.pictureChannels, 3, "red, green and blue")
    try expect(
      "unet: cross_attention_dim", unet.configuration.crossAttentionWidth,
      textEncoder.configuration.width, "the text encoder's width")
    try expect(
      "tokenizer: model_max_length", tokenizer.maximumLength,
      textEncoder.configuration.positions, "the text encoder's positions")
  }

  private func expect(
    _ field: String, _ found: Int, _ expected: Int, _ why: String
  ) throws(GenerationError) {
    guard found == expected else {
      throw GenerationError(
        problem: "\(origin): \(field) is \(found), expected \(expected), \(why)")
    }
  }
}
