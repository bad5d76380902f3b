internal import TensorCore

/// What a layer does, by the canonical name of a tensor in it.
public enum LayerKind: String, Sendable, Hashable, CaseIterable {
  /// Attention of the pixels or tokens to each other.
  case selfAttention = "self-attention"
  /// Attention of the pixels to the text.
  case crossAttention = "cross-attention"
  /// The two-layer network behind an attention.
  case feedForward = "feed-forward"
  /// A convolution, of a residual block or by itself.
  case convolution
  /// A normalisation's scale and shift.
  case norm
  /// What brings the timestep, and SDXL's conditions, into the U-Net.
  case timeEmbedding = "time embedding"
  /// The vectors of tokens.
  case tokenEmbedding = "token embedding"
  /// The vectors of places in a prompt.
  case positionEmbedding = "position embedding"
  /// A projection around a block of transformers, or of a text's vector.
  case projection
  /// Anything else.
  case other

  /// The kind of a canonical or a checkpoint's own name.
  public init(of name: String) {
    let parts = name.dottedParts.filter { !$0.isEmpty }
    let words = Set(parts)
    let module = parts.dropLast().last.map(String.init) ?? ""
    self =
      if words.contains("token_embedding") {
        .tokenEmbedding
      } else if words.contains("position_embedding") || words.contains("position_ids") {
        .positionEmbedding
      } else if module.contains("norm") || module.hasPrefix("ln_") || module == "group_norm" {
        .norm
      } else if words.contains("attn2") {
        .crossAttention
      } else if words.contains("attn1") || words.contains("self_attn")
        || words.contains("attentions")
          && !words.isDisjoint(with: ["to_q", "to_k", "to_v", "to_out"])
      {
        .selfAttention
      } else if words.contains("ff") || words.contains("mlp") {
        .feedForward
      } else if module.hasPrefix("time_emb") || words.contains("time_embedding")
        || words.contains("add_embedding")
      {
        .timeEmbedding
      } else if module.hasPrefix("conv") || words.contains("resnets")
        || module.hasSuffix("quant_conv") || words.contains("controlnet_cond_embedding")
        || words.contains("controlnet_down_blocks") || words.contains("controlnet_mid_block")
      {
        .convolution
      } else if module.contains("proj") {
        .projection
      } else {
        .other
      }
  }
}
