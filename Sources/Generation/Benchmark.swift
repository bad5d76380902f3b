internal import DiffusionModels
public import KeyLayouts
internal import Numerics
internal import TensorCore

/// Times single evaluations of a model's networks.
public struct Benchmark: Sendable {
  /// What is evaluated.
  public enum Part: String, Sendable, CaseIterable {
    /// One noise prediction.
    case unet
    /// Latents to a picture.
    case decode
    /// A picture to latents.
    case encode
    /// One prompt of full length.
    case text
  }

  private let unet: UNet
  private let vae: VAE
  private let textEncoder: CLIPTextEncoder
  private let latentSize: Int

  /// Loads the networks of a model.
  ///
  /// - Parameter latentSize: rows and columns of the latents, at least 1.
  /// - Throws: the networks' own errors.
  public init(model: CanonicalModel, latentSize: Int) throws {
    unet = try UNet(model: model)
    vae = try VAE(model: model)
    textEncoder = try CLIPTextEncoder(model: model)
    self.latentSize = latentSize
  }

  /// Evaluates a network once on fixed noise.
  ///
  /// - Returns: the seconds that it took.
  public func measure(_ part: Part) throws -> Double {
    let clock = ContinuousClock()
    let length = textEncoder.configuration.positions
    let time: Duration
    switch part {
    case .unet:
      let sample = noise(unet.configuration.inputChannels, latentSize)
      let width = unet.configuration.crossAttentionWidth
      let text = noise(length, width, 1).reshaped([1, length, width])
      time = clock.measure {
        _ = unet.predict(sample: sample, timestep: 500, hiddenStates: text)
      }
    case .decode:
      let latents = noise(vae.configuration.latentChannels, latentSize)
      time = clock.measure { _ = vae.decode(latents) }
    case .encode:
      let picture = noise(
        vae.configuration.pictureChannels, latentSize * vae.configuration.scale)
      time = clock.measure { _ = vae.encodeMoments(picture) }
    case .text:
      let tokens = (0..<length).map { $0 * 37 % textEncoder.configuration.vocabularySize }
      time = try clock.measure { _ = try textEncoder.encode(tokens: [tokens]) }
    }
    return time / .seconds(1)
  }

  private func noise(_ channels: Int, _ height: Int, _ width: Int? = nil) -> Tensor {
    let shape = [1, channels, height, width ?? height]
    var random = TorchRandom(seed: 0)
    return Tensor(shape: shape, values: random.normal(shape.reduce(1, *)))
  }

  /// The instruction set and number of threads that the measurements use: `avx512, 2 threads`.
  public static var processor: String {
    "\(Processor.instructionSet), \(Parallel.threads) threads"
  }
}
