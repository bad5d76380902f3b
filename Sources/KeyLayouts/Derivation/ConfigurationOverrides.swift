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

  /// The family of components that do not tell it: the user's word, or else what metadata and
  /// stated configurations show.
  func familyHint(_ metadata: JSONObject, _ stated: [String: JSONObject]) -> FamilyHint? {
    let component = Component.textEncoder.rawValue
    return family.map(FamilyHint.init(asserted:))
      ?? FamilyHint(
        metadata: metadata, textEncoder: configurations[component] ?? stated[component])
  }

  /// What the network predicts by the user's word, a scheduler's configuration, or else by what the
  /// checkpoint shows. The user's word is about the type: the schedule stays, unless it is one on
  /// which that type cannot be.
  func prediction(
    _ stated: [String: JSONObject], _ metadata: JSONObject, else shown: Prediction
  ) -> Prediction {
    let scheduler = stated["scheduler"].flatMap {
      Prediction(scheduler: $0, metadata: metadata)
    }
    var found =
      configurations["scheduler"].flatMap { Prediction(scheduler: $0) }
      // What was assumed once is no statement.
      ?? scheduler.flatMap { $0.origin == .assumed && shown.origin != .assumed ? shown : $0 }
      ?? shown
    if let prediction {
      (found.type, found.origin) = (prediction, .request)
      // Where no signal is left, the noise says nothing of the latents.
      if prediction == .epsilon, found.schedule == .zeroTerminalSNR { found.schedule = .discrete }
    }
    return found
  }

  /// Puts the user's word over stated configurations, and those over derived ones.
  ///
  /// - Throws: `LayoutError` when a configuration contradicts a size that the tensors show, or says
  ///   something by which nothing can be loaded.
  func merge(
    _ derived: [String: NotedConfiguration], _ stated: [String: JSONObject],
    _ carried: [String: JSONObject], _ prediction: Prediction
  ) throws(LayoutError) -> [String: NotedConfiguration] {
    var merged = derived
    for (component, fields) in stated.sorted(by: { $0.key < $1.key }) {
      try Self.check(fields, of: component, against: derived[component])
      var configuration = NotedConfiguration(stated: fields)
      if let shown = derived[component] {
        // diffusers would take its default, which the tensors do not fit.
        for (name, value) in ConfigurationCheck(component, shown: shown).lacking(in: fields) {
          configuration.add(name, value, else: value)
        }
      }
      // Without its class nothing could load it.
      if fields["_class_name"] == nil, fields["architectures"] == nil,
        let shown = derived[component]
      {
        for name in ["_class_name", "architectures"] {
          if let value = shown.fields[name] { configuration.add(name, value, else: value) }
        }
      }
      merged[component] = configuration
    }
    for (component, fields) in carried.sorted(by: { $0.key < $1.key }) {
      try Self.check(fields, of: component, against: derived[component])
      var configuration = merged[component] ?? NotedConfiguration()
      if component == "scheduler", fields["_class_name"] != nil {
        configuration = NotedConfiguration(stated: fields)
        configuration.state(["prediction_type": .string(prediction.type.rawValue)])
      } else {
        configuration.state(fields)
      }
      merged[component] = configuration
    }
    for (component, fields) in configurations.sorted(by: { $0.key < $1.key }) {
      guard var configuration = merged[component] else { continue }
      try Self.check(fields, of: component, against: derived[component])
      try Self.checkClass(
        fields, of: component, known: configuration.fields, isTabled: derived[component] != nil)
      configuration.exchangeClass(for: fields)
      configuration.state(fields)
      merged[component] = configuration
    }
    // What the user states may well mend what the files do.
    for (component, configuration) in merged.sorted(by: { $0.key < $1.key }) {
      try LoadableConfiguration(component, configuration.fields).check()
    }
    // Where a scheduler's configuration says nothing, or says what was assumed once, another
    // statement may have settled the type.
    if var scheduler = merged["scheduler"],
      scheduler.fields["prediction_type"]?.stringValue ?? PredictionType.epsilon.rawValue
        != prediction.type.rawValue
    {
      scheduler.state(["prediction_type": .string(prediction.type.rawValue)])
      merged["scheduler"] = scheduler
    }
    if prediction.origin == .assumed, merged["scheduler"]?.fields["prediction_type"] != nil {
      merged["scheduler"]?.assume(["prediction_type": .string(prediction.type.rawValue)])
    }
    return merged
  }

  /// What the tensors show is not to be contradicted.
  private static func check(
    _ fields: JSONObject, of component: String, against derived: NotedConfiguration?
  ) throws(LayoutError) {
    if let derived { try ConfigurationCheck(component, shown: derived).check(fields) }
  }

  /// A configuration that the user gives describes the class that is there: tensors do not become
  /// another class's by it.
  private static func checkClass(
    _ fields: JSONObject, of component: String, known: JSONObject, isTabled: Bool
  ) throws(LayoutError) {
    guard Component(rawValue: component) != nil else { return }
    if let name = fields["_class_name"], name != .null, let own = known["_class_name"], name != own
    {
      throw LayoutError(
        .impossible(
          component: component, field: "_class_name", stated: name.text(), expected: own.text()))
    }
    guard isTabled, let names = fields["architectures"]?.arrayValue else { return }
    let plain = ComponentVariant.textEncoderClasses
    guard !names.allSatisfy({ $0.stringValue.map(plain.contains) ?? false }) else { return }
    throw LayoutError(
      .impossible(
        component: component, field: "architectures", stated: JSON.array(names).text(),
        expected: "one of " + plain.sorted().joined(separator: ", ")))
  }
}
