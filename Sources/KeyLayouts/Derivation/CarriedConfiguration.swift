public import TensorCore

/// What a file of tensors says of its components' configurations, in its metadata: the fields that
/// neither tensors nor the family's rule give.
public struct CarriedConfiguration: Sendable, Hashable {
  /// The key of the metadata: one JSON object with an object a component.
  public static let key = "assay.configuration"

  /// The fields by component.
  public private(set) var fields: [String: JSONObject] = [:]
  /// The fields without which other programs would draw something else: `unet.attention_head_dim`.
  public private(set) var essentials: [String] = []

  /// Reads the metadata; of components with whole configurations nothing counts.
  init(metadata: JSONObject, stated: [String: JSONObject]) {
    let text = metadata[Self.key]?.stringValue
    let object = text.flatMap { try? JSON(parsing: Array($0.utf8)) }?.objectValue
    for member in object?.members ?? [] where stated[member.key] == nil {
      guard Self.components.contains(member.key) else { continue }
      fields[member.key] = member.value.objectValue
    }
  }

  private static let components = Set(Component.allCases.map(\.rawValue) + ["scheduler"])

  /// Finds the fields that a file of tensors must carry: of a variant all, of other components what
  /// its tensors and the family's rule do not give. The prediction type has marks of its own.
  ///
  /// - Parameters:
  ///   - configurations: what is known of the model.
  ///   - tensors: those of the file.
  ///   - metadata: what the file says otherwise.
  public init(
    of configurations: [String: JSONObject], beside tensors: [TensorDescription],
    metadata: JSONObject
  ) {
    let variants = ComponentVariant.all(in: configurations).map(\.component.rawValue)
    let whole = configurations.filter { variants.contains($0.key) }
    var metadata = metadata
    metadata[Self.key] = nil
    // A part of a model says nothing of the whole.
    guard let bare = try? LayoutReading(of: tensors, metadata: metadata, stated: whole) else {
      return
    }
    for (component, configuration) in configurations.sorted(by: { $0.key < $1.key }) {
      let noted = whole[component] == nil ? bare.noted[component] : nil
      let isScheduler = component == "scheduler"
      let isWhole = isScheduler && noted.map { !Self.extends($0.fields, configuration) } ?? false
      let unsaid = configuration.members.filter { member in
        guard Self.counts(member.key), !isScheduler || member.key != "prediction_type" else {
          return false
        }
        guard let noted else { return !isScheduler }
        guard !isWhole else { return true }
        // Of a level without attention the tensors show no depth.
        let isShown =
          noted.shown(member.key) != nil && !TransformerDepths.fields.contains(member.key)
        return (isScheduler || !isShown || Self.unsure.contains(member.key))
          && !ConfigurationDefaults.areEqual(
            member.value, Self.unsure.contains(member.key) ? nil : noted.fields[member.key],
            field: member.key, component: component)
      }
      guard !unsaid.isEmpty, noted != nil || whole[component] != nil else { continue }
      fields[component] = JSONObject(
        unsaid.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
      guard let noted else { continue }
      essentials += unsaid.filter { member in
        Self.essential.contains(member.key)
          && !ConfigurationDefaults.areEqual(
            member.value, noted.fields[member.key], field: member.key, component: component)
      }.map { "\(component).\($0.key)" }.sorted()
    }
  }

  /// Whether a scheduler's configuration has the class and every field of the family's, so that the
  /// differences say it all. A carried one that names its class is whole.
  private static func extends(_ family: JSONObject, _ configuration: JSONObject) -> Bool {
    family["_class_name"] == configuration["_class_name"]
      && family.keys.allSatisfy { !counts($0) || configuration[$0] != nil }
  }

  /// Of a scheduler, what is the model's own and not a way to draw with it.
  private static let schedule: Set<String> = [
    "beta_start", "beta_end", "beta_schedule", "trained_betas", "num_train_timesteps", "sigma_min",
    "sigma_max", "sigma_data", "rho",
  ]

  /// A convolution that one half of an autoencoder lacks is missing, unless this says otherwise.
  private static let unsure: Set<String> = ["use_quant_conv", "use_post_quant_conv"]

  /// Whether a field is about the model, and not about a file of it.
  private static func counts(_ field: String) -> Bool {
    field == "_class_name"
      || !field.hasPrefix("_") && !["torch_dtype", "dtype", "transformers_version"].contains(field)
  }

  /// For the metadata; `nil` where nothing is to be said.
  public var text: String? {
    guard !fields.isEmpty else { return nil }
    let members = fields.sorted { $0.key < $1.key }.map { ($0.key, JSON.object($0.value)) }
    return JSON.object(JSONObject(members)).text()
  }

  private static let essential = schedule.union([
    "attention_head_dim", "norm_num_groups", "norm_eps", "act_fn", "hidden_act",
    "num_attention_heads", "layer_norm_eps", "scaling_factor", "shift_factor", "latents_mean",
    "latents_std", "center_input_sample", "flip_sin_to_cos", "freq_shift", "only_cross_attention",
    "mid_block_scale_factor", "downsample_padding", "resnet_out_scale_factor",
    "resnet_skip_time_act", "time_embedding_act_fn", "timestep_post_act",
    "controlnet_conditioning_channel_order", "global_pool_conditions", "addition_time_embed_dim",
  ])
}
