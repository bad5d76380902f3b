/// The dimensions of transformers' `CLIPTextModel`.
public struct TextEncoderConfiguration: Sendable, Hashable {
  /// The activation of the feed-forward layers.
  public enum Activation: String, Sendable, Hashable {
    /// `x · sigmoid(1.702 x)`, OpenAI's.
    case quickGELU = "quick_gelu"
    /// The exact GELU, OpenCLIP's.
    case gelu
  }

  /// Entries of the vocabulary.
  public let vocabularySize: Int
  /// Width of the hidden states.
  public let width: Int
  /// Width of the feed-forward layers.
  public let feedForwardWidth: Int
  /// Transformer layers.
  public let layers: Int
  /// Attention heads of each layer.
  public let heads: Int
  /// Tokens in a prompt.
  public let positions: Int
  /// The activation of the feed-forward layers.
  public let activation: Activation
  /// What the norms add to the variance.
  public let normEpsilon: Float

  /// Reads the configuration of a model's text encoder.
  ///
  /// - Throws: `ConfigurationError`, as for the U-Net.
  public init(
    of model: CanonicalModel, component: String = "text_encoder"
  ) throws(ConfigurationError) {
    let fields = try ConfigurationFields(of: component, in: model)
    vocabularySize = try fields.integer("vocab_size", default: 49408)
    width = try fields.integer("hidden_size")
    feedForwardWidth = try fields.integer("intermediate_size")
    layers = try fields.integer("num_hidden_layers")
    heads = try fields.integer("num_attention_heads")
    positions = try fields.integer("max_position_embeddings", default: 77)
    normEpsilon = Float(try fields.number("layer_norm_eps", default: 1e-5))
    let name = try fields.string("hidden_act", default: "quick_gelu")
    guard let activation = Activation(rawValue: name) else {
      throw fields.error("hidden_act", "quick_gelu or gelu")
    }
    self.activation = activation
    guard width % heads == 0 else {
      throw fields.error("num_attention_heads", "a divisor of the width \(width)")
    }
  }
}
