internal import TensorCore

/// Where a component lies among a checkpoint's names, and in whose names.
struct ComponentPlace: Sendable, Hashable {
  let component: Component
  /// What precedes its names; empty when nothing does.
  let prefix: String
  let naming: Naming
  let layout: Layout

  /// Every place where a component of a checkpoint lies, under every prefix that is known for one.
  ///
  /// - Parameter variants: the components that stand, whatever their names, below their own
  ///   prefixes.
  /// - Throws: `LayoutError` when a component is there twice.
  static func all(
    in names: Names, _ tensors: [TensorDescription], _ variants: [ComponentVariant] = []
  ) throws(LayoutError) -> [ComponentPlace] {
    var places = variants.map(\.component).filter { names.hasModule($0.rawValue) }.map {
      ComponentPlace(
        component: $0, prefix: $0.prefix,
        naming: $0 == .textEncoder || $0 == .textEncoder2 ? .transformers : .diffusers,
        layout: .diffusers)
    }
    let taken = Set(places.map(\.prefix))
    for (prefix, candidates, layout) in prefixes {
      for (naming, kinds) in candidates {
        guard !taken.contains(prefix),
          let component = kinds.first(where: { isThere($0, naming, prefix, names) })
        else { continue }
        let place = ComponentPlace(
          component: component, prefix: prefix, naming: naming,
          layout: layout ?? (naming == .ldm || naming == .openCLIP ? .ldm : .diffusers))
        places.append(
          prefix.isEmpty && component == .textEncoder ? place.sized(by: tensors) : place)
      }
    }
    places = places.map { $0.beside(places, names) }
    for component in Component.allCases {
      let found = places.filter { $0.component == component }
      guard found.count > 1 else { continue }
      throw LayoutError(.twice(component, found[0].evidence, found[1].evidence))
    }
    return Component.allCases.compactMap { component in
      places.first { $0.component == component }
    }
  }

  /// The line that says where it was found.
  var evidence: String {
    prefix.isEmpty ? "bare names" : "names start with '\(prefix)'"
  }

  /// What single components and whole checkpoints put in front of names, with the components that
  /// may stand there in each naming, and the layout where the prefix tells it.
  private static let prefixes: [(String, [(Naming, [Component])], Layout?)] =
    ["model.diffusion_model.", "diffusion_model.", "unet.", "model."].map {
      ($0, [(.ldm, [.unet]), (.diffusers, [.unet])], nil)
    }
    + ["first_stage_model.", "vae."].map {
      ($0, [(.ldm, [.vae]), (.diffusers, [.vae])], nil)
    }
    + ["control_model.", "controlnet."].map {
      ($0, [(.ldm, [.controlNet]), (.diffusers, [.controlNet])], nil)
    }
    + [
      ("cond_stage_model.transformer.", .textEncoder, Layout.ldm),
      ("cond_stage_model.model.", .textEncoder, .ldm),
      ("conditioner.embedders.0.transformer.", .textEncoder, .ldm),
      ("conditioner.embedders.1.model.", .textEncoder2, .ldm),
      ("conditioner.embedders.0.model.", .textEncoder2, .ldm),
      ("text_encoders.clip_l.transformer.", .textEncoder, .ldm),
      ("text_encoders.clip_g.transformer.", .textEncoder2, .ldm),
      ("text_encoders.clip_h.transformer.", .textEncoder, .ldm),
      ("text_encoders.clip_l.", .textEncoder, .ldm), ("text_encoders.clip_g.", .textEncoder2, .ldm),
      ("text_encoders.clip_h.", .textEncoder, .ldm),
      ("cond_stage_model.", .textEncoder, .ldm), ("conditioner.embedders.0.", .textEncoder, .ldm),
      ("conditioner.embedders.1.", .textEncoder2, .ldm),
      ("te.", .textEncoder, .ldm),
      ("te.1.", .textEncoder2, .ldm),
      ("text_encoder.", .textEncoder, .diffusers),
      ("text_encoder_2.", .textEncoder2, .diffusers),
    ].map { (prefix: String, component: Component, layout: Layout) in
      (prefix, [(.transformers, [component]), (.openCLIP, [component])], layout)
    }
    + [
      (
        "",
        [
          // The names of a ControlNet are those of a U-Net and more.
          (.ldm, [.controlNet, .unet]), (.ldm, [.vae]), (.diffusers, [.controlNet, .unet]),
          (.diffusers, [.vae]), (.transformers, [.textEncoder]), (.openCLIP, [.textEncoder]),
        ], nil
      )
    ]

  private static func isThere(
    _ component: Component, _ naming: Naming, _ prefix: String, _ names: Names
  ) -> Bool {
    signs(of: component, naming).contains { names.contains(prefix + $0) }
      // A prefix of its own tells a component from others with such names.
      || !prefix.isEmpty
        && signsBehindPrefix(of: component, naming).contains {
          names.contains(prefix + $0)
        }
  }

  /// OpenCLIP's encoder beside a network that takes a pooled text is SDXL's second one, whatever its
  /// prefix: the refiner has no other.
  private func beside(_ places: [ComponentPlace], _ names: Names) -> ComponentPlace {
    guard component == .textEncoder, naming == .openCLIP, !prefix.hasPrefix("cond_stage_model."),
      !places.contains(where: { $0.component == .textEncoder2 }),
      let network = places.first(where: { $0.component == .unet }),
      ["label_emb.0.0.weight", "add_embedding.linear_1.weight"].contains(where: {
        names.contains(network.prefix + $0)
      })
    else { return self }
    return ComponentPlace(
      component: .textEncoder2, prefix: prefix, naming: naming, layout: layout)
  }

  /// A text encoder without a prefix is SDXL's second one where it has that one's width, or a
  /// projection as no other is stored with alone.
  private func sized(by tensors: [TensorDescription]) -> ComponentPlace {
    let embedding = tensors.first { $0.name.hasSuffix("token_embedding.weight") }
    guard embedding?.shape.last == 1280 else { return self }
    return ComponentPlace(
      component: .textEncoder2, prefix: prefix, naming: naming, layout: layout)
  }

  /// Tensors that only this component has, one of which is enough: a file with a tensor missing is
  /// a defective model and not another one.
  private static func signs(of component: Component, _ naming: Naming) -> [String] {
    switch (component, naming) {
    case (.unet, .ldm):
      [
        "out.2.weight", "output_blocks.0.0.in_layers.2.weight",
        "output_blocks.1.0.emb_layers.1.weight", "output_blocks.0.0.skip_connection.weight",
      ]
    case (.unet, .diffusers):
      [
        "conv_out.weight", "up_blocks.0.resnets.0.time_emb_proj.weight",
        "up_blocks.1.resnets.0.conv1.weight", "up_blocks.0.resnets.0.conv_shortcut.weight",
      ]
    case (.controlNet, .ldm):
      ["input_hint_block.0.weight", "zero_convs.0.0.weight", "middle_block_out.0.weight"]
    case (.controlNet, .diffusers):
      [
        "controlnet_cond_embedding.conv_in.weight", "controlnet_down_blocks.0.weight",
        "controlnet_mid_block.weight",
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
    case (.textEncoder, .transformers), (.textEncoder2, .transformers):
      ["text_model.", ""].flatMap { level in
        [
          "embeddings.token_embedding.weight", "embeddings.position_embedding.weight",
          "encoder.layers.0.self_attn.q_proj.weight", "encoder.layers.0.layer_norm1.weight",
        ].map { level + $0 }
      }
    case (.textEncoder, .openCLIP), (.textEncoder2, .openCLIP):
      [
        "token_embedding.weight", "positional_embedding", "ln_final.weight",
        "transformer.resblocks.0.attn.in_proj_weight",
      ]
    default: []
    }
  }

  /// Tensors that the component shares with others: the front half of a U-Net with a ControlNet.
  private static func signsBehindPrefix(of component: Component, _ naming: Naming) -> [String] {
    switch (component, naming) {
    case (.unet, .ldm):
      ["input_blocks.0.0.weight", "time_embed.0.weight", "middle_block.0.in_layers.2.weight"]
    case (.unet, .diffusers):
      [
        "conv_in.weight", "time_embedding.linear_1.weight", "mid_block.resnets.0.conv1.weight",
        "down_blocks.0.resnets.0.conv1.weight",
      ]
    default: []
    }
  }
}
