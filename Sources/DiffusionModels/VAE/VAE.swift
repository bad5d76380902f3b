public import KeyLayouts
public import Numerics

/// The autoencoder of latent diffusion (Rombach et al., 2022), as diffusers' `AutoencoderKL`.
public struct VAE: Sendable {
  /// The dimensions.
  public let configuration: AutoencoderConfiguration
  private let encoder: VAEEncoder
  private let decoder: VAEDecoder
  private let quantConvolution: Convolution?
  private let postQuantConvolution: Convolution?

  /// Loads an autoencoder, checking every weight's shape.
  ///
  /// - Throws: `ConfigurationError`, `ModelError`, `WeightError`.
  public init(model: CanonicalModel) throws {
    let configuration = try AutoencoderConfiguration(of: model)
    let weights = WeightLoader(model, component: "vae")
    let latent = configuration.latentChannels
    self.configuration = configuration
    encoder = try VAEEncoder(weights["encoder"], configuration)
    decoder = try VAEDecoder(weights["decoder"], configuration)
    quantConvolution =
      configuration.hasQuantConvolution
      ? try Convolution(
        weights["quant_conv"], inputs: 2 * latent, outputs: 2 * latent, kernel: 1) : nil
    postQuantConvolution =
      configuration.hasPostQuantConvolution
      ? try Convolution(weights["post_quant_conv"], inputs: latent, outputs: latent, kernel: 1)
      : nil
  }

  /// The distribution of the latents of pictures, not yet scaled.
  ///
  /// - Parameter pictures: `[batch, 3, height, width]`, values in −1…1, both sizes multiples of
  ///   the configuration's `scale`.
  /// - Returns: mean and log-variance (clamped to −30…20), each `[batch, latent, height / scale,
  ///   width / scale]`.
  public func encodeMoments(
    _ pictures: Tensor, trace: Trace? = nil
  ) -> (mean: Tensor, logVariance: Tensor) {
    let hidden = encoder(pictures, trace: trace)
    let moments = quantConvolution.map { $0(hidden) } ?? hidden
    let (mean, logVariance) = splitChannels(moments)
    return (
      mean,
      Tensor(shape: logVariance.shape, values: logVariance.floats.map { min(max($0, -30), 20) })
    )
  }

  /// The pictures of latents that are divided by the scaling factor already.
  ///
  /// - Parameter latents: `[batch, latent, height, width]`.
  /// - Returns: `[batch, 3, height * scale, width * scale]`, values about −1…1, not clamped.
  public func decode(_ latents: Tensor, trace: Trace? = nil) -> Tensor {
    decoder(postQuantConvolution.map { $0(latents) } ?? latents, trace: trace)
  }

  private func splitChannels(_ x: Tensor) -> (Tensor, Tensor) {
    let half = x.shape[1] / 2
    let part = x.count / x.shape[0] / 2
    var first: [Float] = []
    var second: [Float] = []
    for picture in 0..<x.shape[0] {
      let start = picture * 2 * part
      first += x.floats[start..<start + part]
      second += x.floats[start + part..<start + 2 * part]
    }
    let shape = [x.shape[0], half] + x.shape.dropFirst(2)
    return (Tensor(shape: shape, values: first), Tensor(shape: shape, values: second))
  }
}
