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

  /// The rules from LDM's names to canonical ones, for the blocks that the names show.
  static func fromOriginal(_ names: Names) -> RuleTable {
    table(
      unet: UNetPlan(ldm: names, prefix: original.unet),
      vae: VAEPlan(ldm: names, prefix: original.vae))
  }

  /// The rules from canonical names to LDM's.
  static func toOriginal(_ names: Names) -> RuleTable {
    table(
      unet: UNetPlan(diffusers: names, prefix: canonical.unet),
      vae: VAEPlan(diffusers: names, prefix: canonical.vae)
    ).inverse
  }

  /// The rules from diffusers' names, older and newer spellings among them, to canonical ones.
  static let fromDiffusers = RuleTable(
    rules: [
      ModuleRule("unet", "unet"), ModuleRule("vae", "vae"),
      ModuleRule("text_encoder.text_model", "text_encoder.text_model"),
    ] + VAEPlan.earlierNames + bareText("text_encoder."),
    ignored: ignored)

  private static func table(unet: UNetPlan?, vae: VAEPlan?) -> RuleTable {
    let unetRules = (unet?.rules ?? []).map { $0.below(original.unet, canonical.unet) }
    let vaeRules = (vae?.rules ?? []).map { $0.below(original.vae, canonical.vae) }
    let textRules =
      [ModuleRule(original.text + "text_model", canonical.text + "text_model")]
      + bareText(original.text)
    return RuleTable(rules: unetRules + vaeRules + textRules, ignored: ignored)
  }

  /// Text encoders without the level `text_model`: some leaked checkpoints, and everything that
  /// transformers saves from 5.6 on.
  private static func bareText(_ prefix: String) -> [ModuleRule] {
    ["embeddings", "encoder", "final_layer_norm"].map {
      ModuleRule(prefix + $0, canonical.text + "text_model." + $0, isAlias: true)
    }
  }

  /// What LDM's trainer leaves in a checkpoint beside the model.
  static let ignored: [IgnoreRule] =
    [
      "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod",
      "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod",
      "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
      "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
      "lvlb_weights",
    ].map { IgnoreRule(.name($0), reason: "schedule buffer") }
    + [
      IgnoreRule(.module("model_ema"), reason: "EMA copy"),
      IgnoreRule(.tail("position_ids"), reason: "position ids"),
      IgnoreRule(.module("first_stage_model.loss"), reason: "training loss"),
      IgnoreRule(.name("logvar"), reason: "Lightning leftover"),
      IgnoreRule(.name("global_step"), reason: "Lightning leftover"),
      IgnoreRule(.name("epoch"), reason: "Lightning leftover"),
      IgnoreRule(.name("scale_factor"), reason: "Lightning leftover"),
    ]
}
