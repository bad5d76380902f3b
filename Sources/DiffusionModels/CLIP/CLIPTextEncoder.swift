public import KeyLayouts
public import Numerics
public import TensorCore

/// The text tower of CLIP (Radford et al., 2021), as transformers' `CLIPTextModel`: token and
/// position embeddings, pre-norm transformer layers under a causal mask, a final layer norm.
public struct CLIPTextEncoder: Sendable {
  /// The dimensions.
  public let configuration: TextEncoderConfiguration
  private let tokenEmbedding: Weight
  private let positionEmbedding: Weight
  private let layers: [Layer]
  private let finalNorm: LayerNorm

  /// Loads a text encoder, checking every weight's shape.
  ///
  /// - Throws: `ConfigurationError`, `ModelError`, `WeightError`.
  public init(model: CanonicalModel, component: String = "text_encoder") throws {
    let configuration = try TextEncoderConfiguration(of: model, component: component)
    let weights = WeightLoader(model, component: component)["text_model"]
    self.configuration = configuration
    tokenEmbedding = try weights.weight(
      "embeddings.token_embedding.weight", [configuration.vocabularySize, configuration.width])
    positionEmbedding = try weights.weight(
      "embeddings.position_embedding.weight", [configuration.positions, configuration.width])
    layers = try (0..<configuration.layers).map {
      try Layer(weights["encoder.layers.\($0)"], configuration)
    }
    finalNorm = try LayerNorm(
      weights["final_layer_norm"], width: configuration.width, epsilon: configuration.normEpsilon)
  }

  /// The last hidden states behind the final norm: `[batch, positions, width]`.
  ///
  /// - Parameter tokens: one list of token numbers a prompt, all of one length, none longer than
  ///   the position table.
  /// - Throws: `TokenError` for a number outside the vocabulary or lists of other lengths.
  public func encode(tokens: [[Int]], trace: Trace? = nil) throws(TokenError) -> Tensor {
    var hidden = try embed(tokens)
    trace?("text_model.embeddings", hidden)
    for (index, layer) in layers.enumerated() {
      hidden = layer(hidden)
      trace?("text_model.encoder.layers.\(index)", hidden)
    }
    return finalNorm(hidden)
  }

  private func embed(_ tokens: [[Int]]) throws(TokenError) -> Tensor {
    let length = tokens.first?.count ?? 0
    guard length > 0, length <= configuration.positions,
      tokens.allSatisfy({ $0.count == length })
    else {
      throw TokenError(
        problem: "prompts of \(tokens.map(\.count)) tokens, expected equal lengths of 1 to "
          + "\(configuration.positions)")
    }
    let width = configuration.width
    var values: [Float] = []
    for token in tokens.joined() {
      guard (0..<configuration.vocabularySize).contains(token) else {
        throw TokenError(
          problem: "token \(token) lies outside the vocabulary of "
            + "\(configuration.vocabularySize)")
      }
      values += tokenEmbedding.rows(token..<token + 1)
    }
    let positions = positionEmbedding.rows(0..<length)
    for index in values.indices { values[index] += positions[index % (length * width)] }
    return Tensor(shape: [tokens.count, length, width], values: values)
  }
}

/// Token numbers that a text encoder cannot take.
public struct TokenError: DescribedError, Hashable {
  /// What is wrong.
  public let problem: String
  /// The line shown to people.
  public var description: String { problem }
}

/// One transformer layer: `x + attention(norm(x))`, then `x + feed forward(norm(x))`.
private struct Layer: Sendable {
  private let norm1, norm2: LayerNorm
  private let query, key, value, output: Linear
  private let widen, narrow: Linear
  private let heads: Int
  private let activation: TextEncoderConfiguration.Activation

  init(_ weights: WeightLoader, _ configuration: TextEncoderConfiguration) throws {
    let width = configuration.width
    let inner = configuration.feedForwardWidth
    let epsilon = configuration.normEpsilon
    norm1 = try LayerNorm(weights["layer_norm1"], width: width, epsilon: epsilon)
    norm2 = try LayerNorm(weights["layer_norm2"], width: width, epsilon: epsilon)
    query = try Linear(weights["self_attn.q_proj"], inputs: width, outputs: width)
    key = try Linear(weights["self_attn.k_proj"], inputs: width, outputs: width)
    value = try Linear(weights["self_attn.v_proj"], inputs: width, outputs: width)
    output = try Linear(weights["self_attn.out_proj"], inputs: width, outputs: width)
    widen = try Linear(weights["mlp.fc1"], inputs: width, outputs: inner)
    narrow = try Linear(weights["mlp.fc2"], inputs: inner, outputs: width)
    heads = configuration.heads
    activation = configuration.activation
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let normed = norm1(x)
    let attended = attention(
      query: query(normed), key: key(normed), value: value(normed), heads: heads, isCausal: true)
    var hidden = output(attended)
    add(x, to: &hidden)
    let inner = widen(norm2(hidden))
    var result = narrow(activation == .gelu ? gelu(inner) : quickGELU(inner))
    add(hidden, to: &result)
    return result
  }
}

extension Weight {
  /// A copy of some rows of a matrix.
  fileprivate func rows(_ range: Range<Int>) -> [Float] {
    let width = shape[1]
    return withFloats(in: range.lowerBound * width..<range.upperBound * width) { Array($0) }
  }
}
