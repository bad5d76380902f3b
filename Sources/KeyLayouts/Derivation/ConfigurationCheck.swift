internal import TensorCore

/// Holds a stated configuration against what the tensors of its component show.
struct ConfigurationCheck {
  private let component: String
  private let shown: NotedConfiguration

  init(_ component: String, shown: NotedConfiguration) {
    self.component = component
    self.shown = shown
  }

  /// Compares every field that tensors show beyond doubt.
  ///
  /// - Throws: `LayoutError` for the first field that says something else.
  func check(_ fields: JSONObject) throws(LayoutError) {
    for member in fields.members {
      guard let rule = Self.rules[member.key], let found = shown.shown(member.key),
        !agrees(member.value, found, rule)
      else { continue }
      throw LayoutError(
        .contradicted(
          component: component, field: member.key, stated: member.value.text(),
          found: found.text()))
    }
    try checkDepths(fields)
  }

  /// The fields that a whole configuration leaves out although diffusers' default is not what the
  /// tensors show.
  func lacking(in fields: JSONObject) -> [(name: String, value: JSON)] {
    shown.fields.members.filter { member in
      shown.origins[member.key] == .derived && fields[member.key] == nil
        && (Self.rules[member.key] != nil || TransformerDepths.fields.contains(member.key))
        && ConfigurationDefaults.value(of: member.key, in: component) != member.value
    }.map { ($0.key, $0.value) }
  }

  /// How a field is compared.
  private enum Rule {
    /// A size: one number may stand once a level, and `null` says nothing.
    case size
    /// A flag or a name: `null` says nothing.
    case exact
    /// The same, where `null` says that there is none.
    case nullable
    /// One flag for all levels, or one a level; what is `null` of what was found, tensors do not
    /// tell.
    case levelFlags
  }

  private static let rules: [String: Rule] = Dictionary(
    uniqueKeysWithValues: [
      "in_channels", "out_channels", "latent_channels", "conditioning_channels",
      "block_out_channels", "layers_per_block", "cross_attention_dim",
      "projection_class_embeddings_input_dim", "hidden_size", "intermediate_size",
      "num_hidden_layers", "vocab_size", "max_position_embeddings",
    ].map { ($0, .size) }
      + [
        "use_linear_projection", "down_block_types", "up_block_types", "use_quant_conv",
        "use_post_quant_conv", "mid_block_add_attention", "conditioning_embedding_out_channels",
      ].map { ($0, .exact) }
      + [
        "time_cond_proj_dim", "num_class_embeds", "addition_embed_type", "mid_block_type",
      ].map { ($0, .nullable) }
      + [("only_cross_attention", .levelFlags)])

  private func agrees(_ stated: JSON, _ found: JSON, _ rule: Rule) -> Bool {
    switch rule {
    case .size:
      let numbers = stated.arrayValue
      if let list = found.arrayValue {
        return stated == .null || numbers == list
          // Levels that are alike may have one number together.
          || Set(list) == [stated]
      }
      return stated == .null || stated == found
        || numbers.map { !$0.isEmpty && $0.allSatisfy { $0 == found } } ?? false
    case .exact: return stated == .null || stated == found
    case .nullable: return stated == found
    case .levelFlags:
      let levels = found.arrayValue ?? []
      let flags = stated.arrayValue ?? levels.map { _ in stated }
      return stated == .null
        || flags.count == levels.count
          && zip(flags, levels).allSatisfy { $1 == .null || $0 == $1 }
    }
  }

  /// The numbers of transformer blocks have several spellings.
  private func checkDepths(_ fields: JSONObject) throws(LayoutError) {
    let names = TransformerDepths.fields
    guard let depths = shown.depths, names.contains(where: { fields[$0] != nil }) else { return }
    let stated = TransformerDepths(
      stated: fields[names[0]] ?? shown.fields[names[0]] ?? 1,
      reverse: fields[names[1]] ?? .null, like: depths)
    guard stated != depths else { return }
    let field = stated.isSame(onTheWayDown: depths) ? names[1] : names[0]
    throw LayoutError(
      .contradicted(
        component: component, field: field, stated: (fields[field] ?? .null).text(),
        found: (shown.fields[field] ?? (field == names[0] ? 1 : .null)).text()))
  }
}
