public import KeyLayouts
public import Numerics

/// The noise predictor of Stable Diffusion, as diffusers' `UNet2DConditionModel`.
public struct UNet: Sendable {
  /// The dimensions.
  public let configuration: UNetConfiguration
  private let timeEmbedding: TimestepEmbedding
  private let convolutionIn: Convolution
  private let down: [UNetDownLevel]
  private let middle: UNetMiddle
  private let up: [UNetUpLevel]
  private let normOut: GroupNorm
  private let convolutionOut: Convolution

  /// Loads a U-Net, checking every weight's shape.
  ///
  /// - Throws: `ConfigurationError`, `ModelError`, `WeightError`.
  public init(model: CanonicalModel) throws {
    let configuration = try UNetConfiguration(of: model)
    let weights = WeightLoader(model, component: "unet")
    let channels = configuration.blockChannels
    self.configuration = configuration
    timeEmbedding = try TimestepEmbedding(weights["time_embedding"], configuration)
    convolutionIn = try Convolution(
      weights["conv_in"], inputs: configuration.inputChannels, outputs: channels[0])
    down = try channels.indices.map {
      try UNetDownLevel(weights["down_blocks.\($0)"], level: $0, configuration)
    }
    middle = try UNetMiddle(weights["mid_block"], configuration)
    up = try channels.indices.map {
      try UNetUpLevel(weights["up_blocks.\($0)"], step: $0, configuration)
    }
    normOut = try GroupNorm(
      weights["conv_norm_out"], channels: channels[0], groups: configuration.normGroups,
      epsilon: configuration.normEpsilon)
    convolutionOut = try Convolution(
      weights["conv_out"], inputs: channels[0], outputs: configuration.outputChannels)
  }

  /// The noise (or velocity) predicted for latents at one timestep.
  ///
  /// - Parameters:
  ///   - sample: `[batch, input channels, height, width]`, of any size: an odd number of rows or
  ///     columns is halved to the larger half, and doubled back to what it was.
  ///   - timestep: 0…999, the same for the whole batch.
  ///   - hiddenStates: the text encoder's, `[batch, tokens, width]`.
  ///   - trace: told the output of every block.
  /// - Returns: `[batch, output channels, height, width]`.
  public func predict(
    sample: Tensor, timestep: Float, hiddenStates: Tensor, trace: Trace? = nil
  ) -> Tensor {
    let embedding = timeEmbedding(timestep, batch: sample.shape[0])
    trace?("time_embedding", embedding)
    // Every residual block takes SiLU of the embedding; once is enough.
    let time = silu(embedding)
    var hidden = convolutionIn(sample)
    trace?("conv_in", hidden)
    var skips = [hidden]
    for (index, level) in down.enumerated() {
      let module = "down_blocks.\(index)"
      hidden = level(hidden, time, hiddenStates, skips: &skips, module: module, trace: trace)
    }
    hidden = middle(hidden, time, hiddenStates)
    trace?("mid_block", hidden)
    for (index, level) in up.enumerated() {
      let module = "up_blocks.\(index)"
      hidden = level(hidden, time, hiddenStates, skips: &skips, module: module, trace: trace)
    }
    return convolutionOut(normOut(hidden, thenSiLU: true))
  }
}
