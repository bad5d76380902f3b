import DiffusionModels
import KeyLayouts
import Numerics
import TensorCore
import TestSupport
import Testing

/// The models against diffusers and transformers, at the bounds that `validate` uses.
@Suite struct ParityTests {
  let tiny = TinyModel.shared

  @Test func textEncoderMatchesTransformers() throws {
    let encoder = try CLIPTextEncoder(model: tiny.model)
    let states = try encoder.encode(tokens: try tiny.tokens())
    #expect(relativeError(states, try tiny.reference("text_encoder.y")) < 1e-5)
  }

  @Test(arguments: [0, 501, 999])
  func unetMatchesDiffusers(timestep: Int) throws {
    let unet = try UNet(model: tiny.model)
    let noise = unet.predict(
      sample: try tiny.reference("unet.sample"), timestep: Float(timestep),
      hiddenStates: try tiny.reference("text_encoder.y"))
    #expect(relativeError(noise, try tiny.reference("unet.y.\(timestep)")) < 5e-5)
  }

  /// Sizes that do not halve through every level.
  @Test(arguments: ["9x5", "12x7", "3x8", "6x10", "1x1"])
  func unetMatchesDiffusersAtAnySize(size: String) throws {
    let noise = try UNet(model: tiny.model).predict(
      sample: try tiny.reference("unet.\(size).sample"), timestep: 37,
      hiddenStates: try tiny.reference("text_encoder.y"))
    #expect(relativeError(noise, try tiny.reference("unet.\(size).y")) < 5e-5)
  }

  @Test func everyBlockOfTheUNetMatchesDiffusers() throws {
    let unet = try UNet(model: tiny.model)
    var outputs: [String: Tensor] = [:]
    _ = unet.predict(
      sample: try tiny.reference("unet.sample"), timestep: 999,
      hiddenStates: try tiny.reference("text_encoder.y")
    ) { outputs[$0] = $1 }
    let prefix = "reference.unet.trace."
    let traced = tiny.model.tensors.tensors.map(\.name).filter { $0.hasPrefix(prefix) }
      .map { String($0.dropFirst(prefix.count)) }
    #expect(traced.count == 28)
    for module in traced {
      let output = try #require(outputs[module], "\(module) is not traced")
      let error = relativeError(output, try tiny.reference("unet.trace.\(module)"))
      #expect(error < 5e-5, "\(module)")
    }
  }

  @Test func encodingMatchesDiffusers() throws {
    let moments = try VAE(model: tiny.model).encodeMoments(try tiny.reference("vae.picture"))
    #expect(relativeError(moments.mean, try tiny.reference("vae.mean")) < 1e-4)
    #expect(relativeError(moments.logVariance, try tiny.reference("vae.logvar")) < 1e-4)
  }

  @Test func decodingMatchesDiffusers() throws {
    let pictures = try VAE(model: tiny.model).decode(try tiny.reference("vae.latents"))
    #expect(relativeError(pictures, try tiny.reference("vae.y")) < 1e-4)
  }
}
