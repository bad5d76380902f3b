/// What stands in a checkpoint beside the model.
enum LeftBehind {
  /// The rules for a family's checkpoints.
  ///
  /// - Parameter surplus: modules of the text encoder that are stored and never used.
  static func rules(surplus: [String]) -> [IgnoreRule] {
    surplus.map { IgnoreRule(.module($0), reason: unusedLayer, isCarried: true) } + common
  }

  private static let common: [IgnoreRule] =
    companions.map { IgnoreRule(.module($0.name), reason: $0.reason, isCarried: true) }
    + averages.map { IgnoreRule(.module($0), reason: emaCopy) }
    + trainers.map { IgnoreRule(.module($0.name), reason: $0.reason) }
    + schedule.sorted().map { IgnoreRule(.name($0), reason: "schedule buffer") }
    + markers.map { IgnoreRule(.name($0), reason: "prediction marker", isCarried: true) }
    + [
      IgnoreRule(.part("model_ema"), reason: emaCopy),
      IgnoreRule(.tail("position_ids"), reason: "position ids"),
      IgnoreRule(.tail("attn_mask"), reason: "attention mask"),
      IgnoreRule(.module("first_stage_model.loss"), reason: "training loss"),
      IgnoreRule(.module("embedding_manager"), reason: "embedding manager"),
      // Parts of CLIP that compare texts with pictures; no picture is drawn with them.
      IgnoreRule(.tail("logit_scale"), reason: "CLIP comparison", isCarried: true),
      IgnoreRule(.tail("text_projection"), reason: "CLIP comparison", isCarried: true),
      IgnoreRule(.tail("text_projection.weight"), reason: "CLIP comparison", isCarried: true),
      // A whole CLIP has an encoder of pictures beside that of texts; transformers spells one of its
      // norms `pre_layrnorm`.
      IgnoreRule(.part("vision_model"), reason: "CLIP's picture encoder", isCarried: true),
      IgnoreRule(.part("visual"), reason: "CLIP's picture encoder", isCarried: true),
      IgnoreRule(.tail("visual_projection.weight"), reason: "CLIP comparison", isCarried: true),
      IgnoreRule(.module("depth_model"), reason: "depth estimator", isCarried: true),
      IgnoreRule(.name(ScaledMarker.name), reason: "float8 marker", isCarried: true),
      IgnoreRule(.name("logvar"), reason: "Lightning leftover"),
      IgnoreRule(.name("global_step"), reason: "Lightning leftover"),
      IgnoreRule(.name("epoch"), reason: "Lightning leftover"),
      IgnoreRule(.name("scale_factor"), reason: "Lightning leftover"),
    ]

  /// Why an average of weights is left behind.
  static let emaCopy = "EMA copy"

  /// The dictionaries that hold averages of all weights under the weights' own names, beside the
  /// dictionary of the weights.
  static let averages = ["params_ema", "ema", "ema_state_dict", "model_ema_state_dict"]

  /// What trainers save beside the weights, to go on with.
  private static let trainers = [
    (name: "optimizer", reason: "optimizer state"), (name: "optimizers", reason: "optimizer state"),
    (name: "optimizer_states", reason: "optimizer state"),
    (name: "optimizer_state_dict", reason: "optimizer state"),
    (name: "scaler", reason: "optimizer state"),
    (name: "native_amp_scaling_state", reason: "optimizer state"),
    (name: "lr_scheduler", reason: "Lightning leftover"),
    (name: "lr_schedulers", reason: "Lightning leftover"),
    (name: "callbacks", reason: "Lightning leftover"),
    (name: "loops", reason: "Lightning leftover"),
  ]

  /// Buffers that follow from the schedule's settings.
  static let schedule: Set<String> = [
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod", "posterior_variance", "posterior_log_variance_clipped",
    "posterior_mean_coef1", "posterior_mean_coef2", "lvlb_weights", "denoiser.sigmas",
  ]

  /// Tensors whose presence says what the model predicts.
  private static let markers = [
    "v_pred", "ztsnr", "edm_mean", "edm_std", "edm_vpred.sigma_max", "edm_vpred.sigma_min",
  ]

  /// Whole networks beside the model in a diffusers folder.
  private static let companions = [
    (name: "safety_checker", reason: "safety checker"),
    (name: "depth_estimator", reason: "depth estimator"),
    (name: "image_encoder", reason: "image encoder"),
  ]

  /// The dictionary of averages that a tensor is in.
  static func averagesModule(of name: String) -> String? {
    averages.first { name.hasPrefix($0 + ".") }
  }

  /// What a tensor belongs to, if that is a whole network beside the model.
  static func companion(of name: String) -> String? {
    companions.first { name.hasPrefix($0.name + ".") }?.reason
  }

  /// Why a tensor is no part of the model.
  static func reason(for name: String) -> String {
    common.first { $0.covers(name) }?.reason ?? unusedLayer
  }

  private static let unusedLayer = "unused last layer"
}
