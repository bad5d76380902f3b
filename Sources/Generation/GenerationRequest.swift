public import Schedulers
public import TensorCore

/// What to draw.
public struct GenerationRequest: Sendable, Hashable {
  /// What the picture shows.
  public var prompt: String
  /// What it is to stay away from; the empty prompt by default.
  public var negativePrompt: String
  /// Steps of the sampler. PNDM evaluates the model once more.
  public var steps: Int
  /// How far to go beyond the unconditional prediction; at 1 and below guidance is off.
  public var guidanceScale: Float
  /// The seed of the first latents, as `torch.Generator("cpu").manual_seed`.
  public var seed: UInt64
  /// Pixels in a row, a multiple of 8; the size the model was trained on by default.
  public var width: Int?
  /// Rows, a multiple of 8; the size the model was trained on by default.
  public var height: Int?
  /// The sampler, with the betas of the model's own configuration; the model's own by default.
  public var scheduler: SchedulerKind?

  /// Describes a picture; the numbers' defaults are diffusers'.
  public init(
    prompt: String, negativePrompt: String = "", steps: Int = 50, guidanceScale: Float = 7.5,
    seed: UInt64 = 0, width: Int? = nil, height: Int? = nil, scheduler: SchedulerKind? = nil
  ) {
    self.prompt = prompt
    self.negativePrompt = negativePrompt
    self.steps = steps
    self.guidanceScale = guidanceScale
    self.seed = seed
    self.width = width
    self.height = height
    self.scheduler = scheduler
  }
}

/// What came of a request.
public struct GenerationResult: Sendable {
  /// The picture.
  public let picture: Picture
  /// The noise of the seed, before any scaling: `[1, C, h, w]`.
  public let initialNoise: [Float]
  /// The last latents, `[1, C, h, w]`, scaled as the U-Net has them.
  public let latents: [Float]
  /// The ends of the prompts that did not fit into the text encoder.
  public let droppedText: [String]
}

/// How far a generation is.
public struct GenerationProgress: Sendable, Hashable {
  /// Evaluations of the U-Net that are done.
  public let done: Int
  /// Evaluations of the U-Net in all.
  public let total: Int
}

/// A request that the model cannot serve, or a model whose components do not fit together.
public struct GenerationError: DescribedError, Hashable {
  /// What is wrong, with what was expected and what was found.
  public let problem: String

  /// The line shown to people.
  public var description: String { problem }
}
