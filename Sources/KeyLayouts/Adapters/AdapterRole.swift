/// What a tensor of an adapter is to its module.
public enum AdapterRole: String, Sendable, Hashable, CaseIterable {
  /// The matrix on the input's side, `[rank, in…]`: kohya's `lora_down`, PEFT's `lora_A`.
  case down
  /// The matrix on the output's side, `[out, rank]`: kohya's `lora_up`, PEFT's `lora_B`.
  case up
  /// The kernel between the two, `[rank, rank, …]`: LoCon in Tucker's form.
  case mid
  /// What PEFT with `lora_bias` adds to the bias: `[out]`.
  case upBias
  /// The scale's numerator; one number.
  case alpha
  /// DoRA's magnitudes as LyCORIS names them; the shape tells the axis.
  case doraScale = "dora_scale"
  /// DoRA's magnitudes as PEFT names them, one for each row: `[out]` or `[1, out, 1, 1]`.
  case magnitude = "lora_magnitude_vector"
  /// LoHa's first product, left: `[out, rank]`, in Tucker's form `[rank, out]`.
  case hadamard1A = "hada_w1_a"
  /// LoHa's first product, right: `[rank, in…]`.
  case hadamard1B = "hada_w1_b"
  /// LoHa's second product, left.
  case hadamard2A = "hada_w2_a"
  /// LoHa's second product, right.
  case hadamard2B = "hada_w2_b"
  /// LoHa's kernel within the first product: `[rank, rank, …]`.
  case hadamard1Core = "hada_t1"
  /// LoHa's kernel within the second product.
  case hadamard2Core = "hada_t2"
  /// LoKr's first factor: `[a, b]`.
  case kronecker1 = "lokr_w1"
  /// LoKr's first factor, left: `[a, rank]`.
  case kronecker1A = "lokr_w1_a"
  /// LoKr's first factor, right: `[rank, b]`.
  case kronecker1B = "lokr_w1_b"
  /// LoKr's second factor: `[c, d, …]`.
  case kronecker2 = "lokr_w2"
  /// LoKr's second factor, left: `[c, rank]`, in Tucker's form `[rank, c]`.
  case kronecker2A = "lokr_w2_a"
  /// LoKr's second factor, right: `[rank, d…]`.
  case kronecker2B = "lokr_w2_b"
  /// LoKr's kernel within the second factor: `[rank, rank, …]`.
  case kronecker2Core = "lokr_t2"
  /// GLoRA's `W·a1·a2`, left.
  case gloraA1 = "a1"
  /// GLoRA's `W·a1·a2`, right.
  case gloraA2 = "a2"
  /// GLoRA's `b1·b2`, left.
  case gloraB1 = "b1"
  /// GLoRA's `b1·b2`, right.
  case gloraB2 = "b2"
  /// The whole difference of the weight.
  case difference = "diff"
  /// The whole difference of the bias.
  case biasDifference = "diff_b"
  /// The difference of a norm's weight.
  case normWeight = "w_norm"
  /// The difference of a norm's bias.
  case normBias = "b_norm"
}

/// A way to name an adapter's modules and tensors.
public enum AdapterNaming: String, Sendable, Hashable, CaseIterable {
  /// `lora_unet_down_blocks_0_….lora_down.weight`, `….alpha`.
  case kohya
  /// `unet.down_blocks.0.….lora.down.weight`, `text_encoder.….lora_linear_layer.down.weight`.
  case diffusers
  /// `unet.down_blocks.0.….lora_A.weight`.
  case peft
}
