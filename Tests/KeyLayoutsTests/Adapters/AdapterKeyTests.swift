import KeyLayouts
import Testing

@Suite struct AdapterKeyTests {
  /// A name as files have it, and what it must be taken for.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let scopes: [String]?
    let path: String
    let role: AdapterRole
    var isFlat = false
    var naming: AdapterNaming?

    var testDescription: String { name }

    init(
      _ name: String, _ scopes: [String]?, _ path: String, _ role: AdapterRole,
      _ naming: AdapterNaming? = nil, isFlat: Bool = false
    ) {
      (self.name, self.scopes, self.path, self.role) = (name, scopes, path, role)
      self.naming = isFlat ? .kohya : naming
      self.isFlat = isFlat
    }
  }

  private static let unet = ["unet", "transformer"]
  private static let attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"

  static let cases: [Case] = [
    // kohya and LyCORIS.
    Case(
      "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", unet,
      "mid_block_attentions_0_proj_in", .down, isFlat: true),
    Case("lora_unet_conv_in.lora_up.weight", unet, "conv_in", .up, isFlat: true),
    Case("lora_unet_conv_in.lora_mid.weight", unet, "conv_in", .mid, isFlat: true),
    Case("lora_unet_conv_in.alpha", unet, "conv_in", .alpha, isFlat: true),
    Case("lora_unet_conv_in.dora_scale", unet, "conv_in", .doraScale, isFlat: true),
    Case(
      "lora_te_text_model_encoder_layers_0_mlp_fc1.alpha", ["text_encoder", "text_encoder_2"],
      "text_model_encoder_layers_0_mlp_fc1", .alpha, isFlat: true),
    Case(
      "lora_te1_text_model_encoder_layers_0_mlp_fc1.hada_w1_a", ["text_encoder"],
      "text_model_encoder_layers_0_mlp_fc1", .hadamard1A, isFlat: true),
    Case(
      "lora_te2_text_projection.lora_up.weight", ["text_encoder_2"], "text_projection", .up,
      isFlat: true),
    Case(
      "lycoris_mid_block_attentions_0_proj_in.lokr_w2_b", nil, "mid_block_attentions_0_proj_in",
      .kronecker2B, isFlat: true),
    Case("lora_unet_conv_in.lokr_t2", unet, "conv_in", .kronecker2Core, isFlat: true),
    Case("lora_unet_conv_in.hada_t1", unet, "conv_in", .hadamard1Core, isFlat: true),
    Case("lora_unet_conv_in.a1.weight", unet, "conv_in", .gloraA1, isFlat: true),
    Case("lora_unet_conv_in.diff", unet, "conv_in", .difference, isFlat: true),
    Case("lora_unet_conv_in.diff_b", unet, "conv_in", .biasDifference, isFlat: true),
    Case("lora_unet_conv_norm_out.w_norm", unet, "conv_norm_out", .normWeight, isFlat: true),
    Case("lora_unet_conv_norm_out.b_norm", unet, "conv_norm_out", .normBias, isFlat: true),
    // diffusers, old and older.
    Case(
      "unet.\(attention).processor.to_q_lora.down.weight", ["unet"], "\(attention).to_q", .down,
      .diffusers),
    Case(
      "\(attention).processor.to_out_lora.up.weight", nil, "\(attention).to_out.0", .up,
      .diffusers),
    Case(
      "unet.\(attention).to_q.lora.down.weight", ["unet"], "\(attention).to_q", .down, .diffusers),
    Case(
      "unet.mid_block.attentions.0.proj_in.lora.up.weight", ["unet"],
      "mid_block.attentions.0.proj_in", .up, .diffusers),
    Case(
      "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.down.weight",
      ["text_encoder"], "text_model.encoder.layers.0.self_attn.q_proj", .down, .diffusers),
    Case(
      "text_encoder.text_model.encoder.layers.0.self_attn.to_out_lora.up.weight",
      ["text_encoder"], "text_model.encoder.layers.0.self_attn.out_proj", .up, .diffusers),
    // PEFT.
    Case("unet.conv_in.lora_A.weight", ["unet"], "conv_in", .down, .peft),
    Case("unet.conv_in.lora_B.default.weight", ["unet"], "conv_in", .up, .peft),
    Case("unet.conv_in.lora_B.default.bias", ["unet"], "conv_in", .upBias, .peft),
    Case("unet.conv_in.lora_A.default", ["unet"], "conv_in", .down, .peft),
    Case("unet.conv_in.lora_A", ["unet"], "conv_in", .down, .peft),
    Case("unet.conv_in.lora_magnitude_vector", ["unet"], "conv_in", .magnitude, .peft),
    Case(
      "unet.conv_in.lora_magnitude_vector.default.weight", ["unet"], "conv_in", .magnitude, .peft),
    Case("base_model.model.conv_in.lora_A.weight", nil, "conv_in", .down, .peft),
    Case(
      "base_model.model.unet.mid_block.resnets.0.conv1.hada_w2_a.default", ["unet"],
      "mid_block.resnets.0.conv1", .hadamard2A),
    Case(
      "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", ["transformer", "unet"],
      "single_transformer_blocks.0.attn.to_q", .down, .peft),
    // LDM's and other interfaces' names.
    Case(
      "model.diffusion_model.input_blocks.1.1.proj_in.lora_A.weight", ["unet", "transformer"],
      "input_blocks.1.1.proj_in", .down, .peft),
    Case(
      "diffusion_model.input_blocks.1.1.proj_in.alpha", ["unet", "transformer"],
      "input_blocks.1.1.proj_in", .alpha),
    Case(
      "text_encoders.clip_g.transformer.text_model.encoder.layers.0.mlp.fc1.lora_up.weight",
      ["text_encoder_2"], "text_model.encoder.layers.0.mlp.fc1", .up, .kohya),
    Case(
      "_orig_mod.unet.conv_in.lora_A.weight", ["unet"], "conv_in", .down, .peft),
  ]

  @Test(arguments: cases)
  func everyFormOfANameIsTakenApart(_ expected: Case) throws {
    let key = try #require(AdapterKey(expected.name))
    #expect(key.module.scopes == expected.scopes)
    #expect(key.module.path == expected.path)
    #expect(key.module.isFlat == expected.isFlat)
    #expect(key.role == expected.role)
    #expect(key.naming == expected.naming)
  }

  @Test(arguments: [
    "unet.conv_in.weight", "betas", "alpha", "lora_down.weight", ".lora_A.weight", "unet.up.weight",
    "model.diffusion_model.output_blocks.2.1.conv.bias", "lora_unet_conv_in.oft_blocks",
    "unet.conv_in.lora_A.default.weight.more", "unet.conv_in.lora_C.weight", "", "..", "a1.weight",
    "bundle_emb.cat.string_to_param.*",
  ])
  func otherNamesAreNone(name: String) { #expect(AdapterKey(name) == nil) }
}
