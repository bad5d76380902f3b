import DiffusionModels
import KeyLayouts
import TensorCore
import Testing

/// Loading is checking: what is missing or has another shape is named with both shapes.
@Suite struct LoadingTests {
  let tiny = TinyModel.shared

  @Test func missingTensorIsNamed() {
    let model = tiny.damaged("unet.mid_block.resnets.1.conv2.bias", shape: nil)
    let error = #expect(throws: ModelError.self) { try UNet(model: model) }
    #expect(
      error?.description
        == "tiny: tensor 'unet.mid_block.resnets.1.conv2.bias' is missing, expected [48]")
  }

  @Test func transposedTensorIsNamed() {
    let name = "text_encoder.text_model.encoder.layers.0.mlp.fc1.weight"
    let model = tiny.damaged(name, shape: [24, 40])
    let error = #expect(throws: ModelError.self) { try CLIPTextEncoder(model: model) }
    #expect(
      error?.description
        == "tiny: tensor '\(name)' is [24, 40], expected [40, 24]: the same values in another "
        + "layout?")
  }

  @Test(arguments: [
    ("act_fn", "gelu", "\"gelu\", expected \"silu\" or \"swish\" or absent"),
    ("class_embed_type", "timestep", "\"timestep\", expected null"),
    ("block_out_channels", "wide", "\"wide\", expected a list of positive whole numbers"),
  ])
  func unsupportedFieldIsNamed(field: String, value: String, problem: String) {
    var model = tiny.model
    model.configurations["unet"]?[field] = .string(value)
    let error = #expect(throws: ConfigurationError.self) { try UNet(model: model) }
    #expect(error?.description == "tiny: unet: configuration field '\(field)' is \(problem)")
  }

  @Test func missingConfigurationIsNamed() {
    var model = tiny.model
    model.configurations["vae"] = nil
    let error = #expect(throws: ConfigurationError.self) { try VAE(model: model) }
    #expect(
      error?.description
        == "tiny: vae: configuration field '_class_name' is missing, expected a configuration of "
        + "the component")
  }

  @Test(arguments: [[[58, 60]], [[-1]], [[1, 2], [1]], [[Int](repeating: 1, count: 12)], []])
  func tokensOutsideTheModelAreRefused(tokens: [[Int]]) throws {
    let encoder = try CLIPTextEncoder(model: tiny.model)
    #expect(throws: TokenError.self) { try encoder.encode(tokens: tokens) }
  }
}
