public import TensorCore

/// What a user states about a model, for what its files do not say or say wrongly.
public struct ConfigurationOverrides: Sendable, Hashable {
  /// Fields by component, with diffusers' names.
  public var configurations: [String: JSONObject]
  /// What the network predicts.
  public var prediction: PredictionType?
  /// The family of a component that does not tell it: a VAE, or a text encoder alone.
  public var family: Family?

  /// States nothing, or something.
  public init(
    configurations: [String: JSONObject] = [:], prediction: PredictionType? = nil,
    family: Family? = nil
  ) {
    self.family = family
    self.configurations = configurations
    self.prediction = prediction
  }

  /// The fields that tensors show beyond doubt and that have one spelling only.
  private static let sizes: Set<String> = [
    "in_channels", "out_channels", "latent_channels", "conditioning_channels",
    "block_out_channels", "layers_per_block", "cross_attention_dim",
    "projection_class_embeddings_input_dim", "hidden_size", "intermediate_size",
    "num_hidden_layers", "vocab_size", "max_position_embeddings",
  ]

  /// The family of a component that does not tell it: the user's word, or else what a stated
  /// configuration shows. Of the text encoders that stand in `text_encoder` only Stable Diffusion
  /// 2.x's is OpenCLIP's, with its exact GELU.
  func family(_ stated: [String: JSONObject]) -> Family? {
    let activation =
      (configurations["text_encoder"] ?? stated["text_encoder"])?["hidden_act"]?.stringValue
    return family ?? (activation == "gelu" ? .stableDiffusion2 : nil)
  }

  /// What the network predicts by the user's word, a scheduler's configuration, or else by what the
  /// checkpoint shows. The user's word is about the type: the schedule stays, unless it is one on
  /// which that type cannot be.
  func prediction(_ stated: [String: JSONObject], else shown: Prediction) -> Prediction {
    var found =
      configurations["scheduler"].flatMap(Prediction.init(scheduler:))
      ?? stated["scheduler"].flatMap(Prediction.init(scheduler:)) ?? shown
    if let prediction {
      (found.type, found.origin) = (prediction, .request)
      // Where no signal is left, the noise says nothing of the latents.
      if prediction == .epsilon, found.schedule == .zeroTerminalSNR { found.schedule = .discrete }
    }
    return found
  }

  /// Puts the user's word over stated configurations, and those over derived ones.
  ///
  /// - Throws: `LayoutError` when the user's word contradicts a size that the tensors show.
  func merge(
    _ derived: [String: NotedConfiguration], _ stated: [String: JSONObject],
    _ prediction: Prediction
  ) throws(LayoutError) -> [String: NotedConfiguration] {
    var merged = derived
    for (component, fields) in stated { merged[component] = NotedConfiguration(stated: fields) }
    for (component, fields) in configurations.sorted(by: { $0.key < $1.key }) {
      guard var configuration = merged[component] else { continue }
      for member in fields.members {
        guard derived[component]?.origins[member.key] == .derived,
          let found = derived[component]?.fields[member.key], Self.sizes.contains(member.key),
          found != member.value
        else { continue }
        throw LayoutError(
          .contradicted(
            component: component, field: member.key, stated: member.value.text(),
            found: found.text()))
      }
      configuration.state(fields)
      merged[component] = configuration
    }
    if let type = self.prediction, var scheduler = merged["scheduler"] {
      scheduler.state(["prediction_type": .string(type.rawValue)])
      merged["scheduler"] = scheduler
    }
    return merged
  }
}
