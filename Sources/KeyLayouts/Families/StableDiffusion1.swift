internal import TensorCore

/// The table of Stable Diffusion 1.x, for any number of levels and layers and any width.
enum StableDiffusion1 {
  /// The prefixes of a layout's components.
  struct Prefixes {
    let unet: String
    let vae: String
    let text: String
  }

  static let canonical = Prefixes(unet: "unet.", vae: "vae.", text: "text_encoder.")
  static let original = Prefixes(
    unet: "model.diffusion_model.", vae: "first_stage_model.",
    text: "cond_stage_model.transformer.")

  /// The rules from a checkpoint's names to canonical ones, for the blocks that the names show.
  ///
  /// - Throws: `LayoutError` when the blocks of a component do not add up to levels.
  static func reading(
    _ places: [ComponentPlace], _ names: Names
  ) throws(LayoutError) -> RuleTable {
    var rules: [ModuleRule] = []
    for place in places {
      rules += try self.rules(of: place, names).map {
        $0.below(place.prefix, place.component.prefix)
      }
    }
    return RuleTable(rules: rules, ignored: ignored)
  }

  /// The rules of one component, without prefixes.
  private static func rules(
    of place: ComponentPlace, _ names: Names
  ) throws(LayoutError) -> [ModuleRule] {
    switch (place.component, place.layout) {
    case (.unet, .ldm):
      guard let plan = UNetPlan(ldm: names, prefix: place.prefix) else {
        throw LayoutError(.irregular(.unet))
      }
      return plan.rules
    case (.unet, .diffusers): return UNetPlan.modules.map { ModuleRule($0, $0) }
    case (.vae, .ldm):
      guard let plan = VAEPlan(ldm: names, prefix: place.prefix) else {
        throw LayoutError(.irregular(.vae))
      }
      return plan.rules
    case (.vae, .diffusers):
      return VAEPlan.modules.map { ModuleRule($0, $0) } + VAEPlan.earlierNames
    case (.textEncoder, _): return [ModuleRule("text_model", "text_model")] + bareText
    }
  }

  /// The rules from canonical names to LDM's.
  static func toOriginal(_ names: Names) -> RuleTable {
    let unet = UNetPlan(diffusers: names, prefix: canonical.unet)?.rules ?? []
    let vae = VAEPlan(diffusers: names, prefix: canonical.vae)?.rules ?? []
    return RuleTable(
      rules: unet.map { $0.below(original.unet, canonical.unet) }
        + vae.map { $0.below(original.vae, canonical.vae) }
        + [ModuleRule(original.text + "text_model", canonical.text + "text_model")]
    ).inverse
  }

  /// The rules from canonical names to diffusers' own, which they are.
  static let toDiffusers = RuleTable(
    rules: [
      ModuleRule("unet", "unet"), ModuleRule("vae", "vae"),
      ModuleRule("text_encoder.text_model", "text_encoder.text_model"),
    ])

  /// Text encoders without the level `text_model`: some leaked checkpoints, and everything that
  /// transformers saves from 5.6 on. `encoder.layers` and not `encoder`: an autoencoder's names may
  /// stand bare in the same file.
  private static let bareText = ["embeddings", "encoder.layers", "final_layer_norm"].map {
    ModuleRule($0, "text_model." + $0, isAlias: true)
  }

  /// What LDM's trainer leaves in a checkpoint beside the model.
  static let ignored: [IgnoreRule] =
    [
      "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod",
      "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod",
      "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
      "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
      "lvlb_weights",
    ].flatMap { name in
      ComponentPlace.wrappers.map { IgnoreRule(.name($0 + name), reason: "schedule buffer") }
    }
    + ComponentPlace.wrappers.map {
      IgnoreRule(.module($0 + "model_ema"), reason: "EMA copy")
    }
    + [
      IgnoreRule(.tail("position_ids"), reason: "position ids"),
      IgnoreRule(.module("first_stage_model.loss"), reason: "training loss"),
      IgnoreRule(.module("safety_checker"), reason: "safety checker"),
      IgnoreRule(.module("optimizer_states"), reason: "optimizer state"),
      IgnoreRule(.module("lr_schedulers"), reason: "Lightning leftover"),
      IgnoreRule(.module("callbacks"), reason: "Lightning leftover"),
      IgnoreRule(.module("loops"), reason: "Lightning leftover"),
      // Parts of CLIP that compare texts with pictures; no picture is drawn with them.
      IgnoreRule(.tail("logit_scale"), reason: "CLIP comparison"),
      IgnoreRule(.tail("text_projection"), reason: "CLIP comparison"),
      IgnoreRule(.tail("text_projection.weight"), reason: "CLIP comparison"),
      IgnoreRule(.name("logvar"), reason: "Lightning leftover"),
      IgnoreRule(.name("global_step"), reason: "Lightning leftover"),
      IgnoreRule(.name("epoch"), reason: "Lightning leftover"),
      IgnoreRule(.name("scale_factor"), reason: "Lightning leftover"),
    ]
}
