/// The classes of networks that a diffusers folder can hold.
package enum DiffusersClass {
  private static let components = [
    "UNet2DConditionModel": "unet", "AutoencoderKL": "vae", "CLIPTextModel": "text_encoder",
    "CLIPTextModelWithProjection": "text_encoder_2", "ControlNetModel": "controlnet",
    "AutoencoderTiny": "vae", "AsymmetricAutoencoderKL": "vae", "ConsistencyDecoderVAE": "vae",
    "ControlNetUnionModel": "controlnet",
  ]

  /// The folder in which a class stands by itself.
  package static func component(of name: String) -> String? { components[name] }

  /// Whether a component is a network, and so has weights.
  package static func isNetwork(_ component: String) -> Bool {
    components.values.contains(component)
  }

  /// The names of the classes, for messages.
  package static var names: [String] { components.keys.sorted() }
}
