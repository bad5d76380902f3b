internal import KeyLayouts
internal import Numerics

/// diffusers' `Transformer2DModel`: pixels become tokens, pass transformer blocks that look at each
/// other and at the text, and are added back to the picture.
struct Transformer: Sendable {
  private let norm: GroupNorm
  private let projectionIn, projectionOut: Projection
  private let blocks: [TransformerBlock]

  /// A 1×1 convolution on pixels (SD 1.x) or a linear layer on tokens (SD 2.x, SDXL).
  private enum Projection: Sendable {
    case convolution(Convolution)
    case linear(Linear)
  }

  init(
    _ weights: WeightLoader, channels: Int, heads: Int, layers: Int,
    _ configuration: UNetConfiguration
  ) throws {
    norm = try GroupNorm(
      weights["norm"], channels: channels, groups: configuration.normGroups, epsilon: 1e-6)
    func projection(_ name: String) throws -> Projection {
      configuration.usesLinearProjection
        ? .linear(try Linear(weights[name], inputs: channels, outputs: channels))
        : .convolution(
          try Convolution(weights[name], inputs: channels, outputs: channels, kernel: 1))
    }
    projectionIn = try projection("proj_in")
    projectionOut = try projection("proj_out")
    blocks = try (0..<layers).map {
      try TransformerBlock(
        weights["transformer_blocks.\($0)"], width: channels, heads: heads,
        textWidth: configuration.crossAttentionWidth)
    }
  }

  /// - Parameters:
  ///   - x: `[batch, channels, height, width]`.
  ///   - text: `[batch, tokens, textWidth]`.
  func callAsFunction(_ x: Tensor, text: Tensor) -> Tensor {
    let (height, width) = (x.shape[2], x.shape[3])
    let normed = norm(x)
    var tokens =
      switch projectionIn {
      case .convolution(let convolution): nchwToTokens(convolution(normed))
      case .linear(let linear): linear(nchwToTokens(normed))
      }
    for block in blocks { tokens = block(tokens, text: text) }
    var picture =
      switch projectionOut {
      case .convolution(let convolution):
        convolution(tokensToNCHW(tokens, height: height, width: width))
      case .linear(let linear): tokensToNCHW(linear(tokens), height: height, width: width)
      }
    add(x, to: &picture)
    return picture
  }
}

/// diffusers' `BasicTransformerBlock`: self-attention, attention to the text, gated feed-forward,
/// each behind a layer norm and added to its input.
private struct TransformerBlock: Sendable {
  private let norm1, norm2, norm3: LayerNorm
  private let selfAttention, textAttention: MultiHeadAttention
  private let widen: GatedLinear
  private let narrow: Linear

  init(_ weights: WeightLoader, width: Int, heads: Int, textWidth: Int) throws {
    norm1 = try LayerNorm(weights["norm1"], width: width)
    norm2 = try LayerNorm(weights["norm2"], width: width)
    norm3 = try LayerNorm(weights["norm3"], width: width)
    selfAttention = try MultiHeadAttention(
      weights["attn1"], width: width, contextWidth: width, heads: heads)
    textAttention = try MultiHeadAttention(
      weights["attn2"], width: width, contextWidth: textWidth, heads: heads)
    widen = try GatedLinear(weights["ff.net.0.proj"], inputs: width, outputs: 4 * width)
    narrow = try Linear(weights["ff.net.2"], inputs: 4 * width, outputs: width)
  }

  func callAsFunction(_ x: Tensor, text: Tensor) -> Tensor {
    let normed = norm1(x)
    var hidden = selfAttention(normed, context: normed)
    add(x, to: &hidden)
    var attended = textAttention(norm2(hidden), context: text)
    add(hidden, to: &attended)
    var output = narrow(widen(norm3(attended)))
    add(attended, to: &output)
    return output
  }
}

/// Attention with projections without bias before it and one with bias behind it.
private struct MultiHeadAttention: Sendable {
  private let query, key, value, output: Linear
  private let heads: Int

  init(_ weights: WeightLoader, width: Int, contextWidth: Int, heads: Int) throws {
    query = try Linear(weights["to_q"], inputs: width, outputs: width, hasBias: false)
    key = try Linear(weights["to_k"], inputs: contextWidth, outputs: width, hasBias: false)
    value = try Linear(weights["to_v"], inputs: contextWidth, outputs: width, hasBias: false)
    output = try Linear(weights["to_out.0"], inputs: width, outputs: width)
    self.heads = heads
  }

  func callAsFunction(_ x: Tensor, context: Tensor) -> Tensor {
    output(
      attention(query: query(x), key: key(context), value: value(context), heads: heads))
  }
}
