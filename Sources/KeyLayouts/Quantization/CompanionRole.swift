internal import TensorCore

/// What a tensor beside a weight says about it.
public enum CompanionRole: Sendable, Hashable {
  /// What the stored numbers are to be multiplied with: one value, one a row, or one a block.
  case scale
  /// What the scales of blocks are to be multiplied with in turn (NVFP4).
  case secondScale
  /// What a runtime may divide the layer's input by; the weight does not depend on it.
  case inputScale
  /// How the weight is stored, in words: ComfyUI's `comfy_quant`.
  case note
  /// Tables that bitsandbytes keeps beside packed weights.
  case table
}

/// How the name of a companion follows from its weight's.
struct CompanionSpelling: Sendable, Hashable {
  let role: CompanionRole
  /// What stands in the place of `weight` at the name's end, or behind the whole name.
  let suffix: String
  /// Whether the suffix stands behind the whole name.
  let isBehindName: Bool

  /// ComfyUI's earlier and today's names, those of NVIDIA's ModelOpt, and bitsandbytes'.
  static let all =
    [
      ("scale_weight", CompanionRole.scale), ("weight_scale", .scale),
      ("weight_scale_2", .secondScale), ("scale_input", .inputScale), ("input_scale", .inputScale),
      ("pre_quant_scale", .inputScale), ("comfy_quant", .note),
    ].map { CompanionSpelling(role: $1, suffix: $0, isBehindName: false) }
    + [
      ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
      ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4",
    ].map { CompanionSpelling(role: .table, suffix: $0, isBehindName: true) }

  /// The names that the weight beside a companion may have; empty for other spellings.
  func weights(of name: String) -> [String] {
    guard name.utf8.count > suffix.utf8.count,
      name.utf8.reversed().starts(with: suffix.utf8.reversed())
    else { return [] }
    let stem = String(name.dropLast(suffix.count))
    if isBehindName { return [stem] }
    // `in_proj_weight_scale` belongs to `in_proj_weight`.
    guard let last = stem.last, last == "." || last == "_" else { return [] }
    return [stem + "weight"] + (last == "." ? [String(stem.dropLast())] : [])
  }

  /// The name beside a weight.
  func name(beside weight: String) -> String {
    if isBehindName { return weight + suffix }
    return weight.hasSuffix("weight")
      ? weight.dropLast("weight".count) + suffix : "\(weight).\(suffix)"
  }
}

/// The tensor that says that a component's weights are float8 with scales. Its element type says
/// which, two elements ask for multiplication in full precision.
enum ScaledMarker {
  static let name = "scaled_fp8"

  /// The names of a component's marker, as every layout has it.
  static let rule = ModuleRule(name, name)

  /// Whether a tensor is one.
  static func isMarker(_ tensor: String) -> Bool {
    tensor.hasSuffix(name) && tensor.lastComponent == name
  }

  /// What the names of the weights start with that a marker speaks of.
  static func prefix(of marker: String) -> String { String(marker.dropLast(name.count)) }
}
