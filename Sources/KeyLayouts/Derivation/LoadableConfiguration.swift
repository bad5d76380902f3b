internal import TensorCore

/// Whether diffusers or transformers can load a component by its configuration: every field that is
/// known holds what it may, and what has to divide a width does.
struct LoadableConfiguration {
  private let component: String
  private let fields: JSONObject

  init(_ component: String, _ fields: JSONObject) {
    self.component = component
    self.fields = fields
  }

  /// Looks at every field.
  ///
  /// - Throws: `LayoutError` for the first that keeps the component from being loaded.
  func check() throws(LayoutError) {
    let known = FieldType.fields(of: component, fields)
    for (field, type) in known {
      guard let value = fields[field], !type.holds(value) else { continue }
      throw error(field, expected: type.expected)
    }
    guard !known.isEmpty else { return }
    try checkPrediction()
    try checkGroups()
    try checkHeads()
  }

  private func error(_ field: String, expected: String) -> LayoutError {
    LayoutError(
      .impossible(
        component: component, field: field, stated: (fields[field] ?? .null).text(),
        expected: expected))
  }

  private func checkPrediction() throws(LayoutError) {
    guard component == "scheduler", let type = fields["prediction_type"], type != .null,
      type.stringValue.flatMap(PredictionType.init(named:)) == nil
    else { return }
    let names = PredictionType.allCases.map(\.rawValue).joined(separator: ", ")
    throw error("prediction_type", expected: names)
  }

  private var widths: [Int] {
    fields["block_out_channels"]?.arrayValue?.compactMap(\.intValue) ?? []
  }

  /// The groups of the norms divide every width.
  private func checkGroups() throws(LayoutError) {
    guard let groups = fields["norm_num_groups"]?.intValue, groups > 0,
      !widths.allSatisfy({ $0 % groups == 0 })
    else { return }
    throw error("norm_num_groups", expected: "a divisor of \(widths)")
  }

  private func checkHeads() throws(LayoutError) {
    switch Component(rawValue: component) {
    case .textEncoder, .textEncoder2:
      guard let width = fields["hidden_size"]?.intValue,
        let heads = fields["num_attention_heads"]?.intValue, heads > 0, width % heads != 0
      else { return }
      throw error("num_attention_heads", expected: "a divisor of hidden_size \(width)")
    case .unet, .controlNet: try checkHeadsOfLevels()
    case .vae, nil: return
    }
  }

  /// `attention_head_dim` is the number of heads, for which diffusers keeps the wrong name
  /// (`UNet2DConditionModel`: `num_attention_heads = num_attention_heads or attention_head_dim`), in
  /// the blocks whose transformers attend to text. Other blocks with attention take it for the size of
  /// a head; the original names have no place for them, and they are not looked at here.
  private func checkHeadsOfLevels() throws(LayoutError) {
    let widths = widths
    let field =
      fields["num_attention_heads"].map { $0 == .null } ?? true
      ? "attention_head_dim" : "num_attention_heads"
    guard let value = fields[field], value != .null, !widths.isEmpty else { return }
    let heads =
      value.arrayValue?.compactMap(\.intValue)
      ?? value.intValue.map { [Int](repeating: $0, count: widths.count) } ?? []
    guard heads.count == widths.count else {
      throw error(field, expected: "\(widths.count) numbers, one a level")
    }
    let down = fields["down_block_types"]?.arrayValue ?? []
    let up = Array((fields["up_block_types"]?.arrayValue ?? []).reversed())
    let middle = fields["mid_block_type"] ?? "UNetMidBlock2DCrossAttn"
    for (level, (width, count)) in zip(widths, heads).enumerated() {
      let attends =
        down.indices.contains(level) && down[level] == "CrossAttnDownBlock2D"
        || up.indices.contains(level) && up[level] == "CrossAttnUpBlock2D"
        || level == widths.count - 1 && middle == "UNetMidBlock2DCrossAttn"
      guard attends, width % count != 0 else { continue }
      throw error(field, expected: "numbers of heads that divide the widths \(widths)")
    }
  }
}
