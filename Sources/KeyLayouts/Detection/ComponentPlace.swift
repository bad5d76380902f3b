/// Where a component lies among a checkpoint's names, and in whose names.
struct ComponentPlace: Sendable, Hashable {
  let component: Component
  /// What precedes its names; empty when nothing does.
  let prefix: String
  let layout: Layout

  /// Looks for a component below every prefix under which checkpoints keep it.
  init?(of component: Component, in names: Names) {
    for prefix in Self.prefixes(of: component).flatMap({ prefix in
      Self.wrappers.map { $0 + prefix }
    }) {
      for layout in Layout.allCases
      where Self.signs(of: component, layout).contains(where: { names.contains(prefix + $0) }) {
        self.component = component
        self.prefix = prefix
        // A text encoder is transformers' own in both layouts: its prefix tells whose file it is.
        self.layout =
          component != .textEncoder
          ? layout : prefix.hasSuffix(StableDiffusion1.original.text) ? .ldm : .diffusers
        return
      }
    }
    return nil
  }

  /// Data-parallel and compiled modules are saved below one more level.
  static let wrappers = ["", "module.", "_orig_mod."]

  private static func prefixes(of component: Component) -> [String] {
    switch component {
    case .unet: ["model.diffusion_model.", "diffusion_model.", "unet.", ""]
    case .vae: ["first_stage_model.", "vae.", ""]
    case .textEncoder: ["cond_stage_model.transformer.", "text_encoder.", ""]
    }
  }

  /// Tensors that only this component has, one of which is enough: a file with a tensor missing is
  /// a defective model and not another one.
  private static func signs(of component: Component, _ layout: Layout) -> [String] {
    switch (component, layout) {
    case (.unet, .ldm):
      [
        "time_embed.0.weight", "time_embed.2.weight", "input_blocks.1.0.emb_layers.1.weight",
        "middle_block.0.emb_layers.1.weight",
      ]
    case (.unet, .diffusers):
      [
        "time_embedding.linear_1.weight", "time_embedding.linear_2.weight",
        "down_blocks.0.resnets.0.time_emb_proj.weight",
        "mid_block.resnets.0.time_emb_proj.weight",
      ]
    case (.vae, .ldm):
      [
        "encoder.mid.block_1.conv1.weight", "decoder.mid.block_1.conv1.weight",
        "encoder.down.0.block.0.conv1.weight", "decoder.up.0.block.0.conv1.weight",
      ]
    case (.vae, .diffusers):
      [
        "encoder.mid_block.resnets.0.conv1.weight", "decoder.mid_block.resnets.0.conv1.weight",
        "encoder.down_blocks.0.resnets.0.conv1.weight",
        "decoder.up_blocks.0.resnets.0.conv1.weight",
      ]
    case (.textEncoder, _):
      ["text_model.", ""].flatMap { level in
        [
          "embeddings.token_embedding.weight", "embeddings.position_embedding.weight",
          "encoder.layers.0.self_attn.q_proj.weight", "encoder.layers.0.layer_norm1.weight",
        ].map { level + $0 }
      }
    }
  }
}
