/// A module as an adapter names it, whatever the naming.
public struct AdapterModuleName: Sendable, Hashable, CustomStringConvertible {
  /// The canonical components that it can be in, the likeliest first; all of them where it says
  /// none: `["text_encoder"]`.
  public let scopes: [String]?
  /// The path in the component: with dots, or flat, with underscores in their place.
  public let path: String
  /// Whether underscores stand for dots.
  public let isFlat: Bool

  /// What flat names start with, and the components meant. The refiner of SDXL has the second text
  /// encoder only.
  static let flatPrefixes: [(prefix: String, scopes: [String]?)] = [
    ("lora_unet_", ["unet", "transformer"]), ("lora_te_", ["text_encoder", "text_encoder_2"]),
    ("lora_te1_", ["text_encoder"]), ("lora_te2_", ["text_encoder_2"]),
    ("lora_te3_", ["text_encoder_3"]), ("lora_transformer_", ["transformer", "unet"]),
    ("lora_prior_unet_", ["prior"]), ("lycoris_", nil),
  ]

  /// What dotted names start with, and the components meant; the longest first.
  static let dottedPrefixes: [(prefix: [String], scopes: [String])] = [
    (["text_encoders", "clip_l", "transformer"], ["text_encoder"]),
    (["text_encoders", "clip_g", "transformer"], ["text_encoder_2"]),
    (["conditioner", "embedders", "0", "transformer"], ["text_encoder"]),
    (["conditioner", "embedders", "1", "model"], ["text_encoder_2"]),
    (["cond_stage_model", "transformer"], ["text_encoder"]),
    (["model", "diffusion_model"], ["unet", "transformer"]),
    (["diffusion_model"], ["unet", "transformer"]), (["first_stage_model"], ["vae"]),
    (["unet"], ["unet"]), (["vae"], ["vae"]), (["transformer"], ["transformer", "unet"]),
    (["text_encoder"], ["text_encoder"]), (["text_encoder_2"], ["text_encoder_2"]),
    (["controlnet"], ["controlnet"]), (["te", "1"], ["text_encoder_2"]),
    (["te"], ["text_encoder", "text_encoder_2"]), (["te1"], ["text_encoder"]),
    (["te2"], ["text_encoder_2"]),
    // OneTrainer's, of its own files and of those with the names that trainers agreed on.
    (["lora_unet"], ["unet", "transformer"]), (["lora_te"], ["text_encoder", "text_encoder_2"]),
    (["lora_te1"], ["text_encoder"]), (["lora_te2"], ["text_encoder_2"]),
    (["lora_transformer"], ["transformer", "unet"]), (["clip_l"], ["text_encoder"]),
    (["clip_g"], ["text_encoder_2"]),
  ]

  /// Reads the components of a name without the ending that tells the role; `nil` when nothing is
  /// left of them.
  init?(_ components: [String]) {
    var parts = components.filter { !["_orig_mod", "module", "processor"].contains($0) }
    if parts.starts(with: ["base_model", "model"]) { parts.removeFirst(2) }
    guard let first = parts.first, !first.isEmpty else { return nil }
    if let match = Self.flatPrefixes.first(where: { first.hasPrefix($0.prefix) }) {
      // A flat name has no dots; one that has is flat in its first part only.
      let rest = [String(first.dropFirst(match.prefix.count))] + parts.dropFirst()
      self.init(scopes: match.scopes, path: rest.joined(separator: "_"), isFlat: true)
      return
    }
    let prefix = Self.dottedPrefix(of: parts)
    parts.removeFirst(prefix?.prefix.count ?? 0)
    Self.modernise(&parts)
    self.init(scopes: prefix?.scopes, path: parts.joined(separator: "."), isFlat: false)
  }

  /// The component that it is most likely in: the first that its name says, or by words that text
  /// encoders alone have.
  public var likelyScope: String {
    if let scope = scopes?.first { return scope }
    return ["self_attn", "text_model", "mlp.fc", "mlp_fc"].contains(where: path.contains)
      ? "text_encoder" : "unet"
  }

  private init(scopes: [String]?, path: String, isFlat: Bool) {
    self.scopes = scopes
    self.path = path
    self.isFlat = isFlat
  }

  /// What a dotted name starts with, if something is left behind it.
  private static func dottedPrefix(
    of parts: [String]
  ) -> (prefix: [String], scopes: [String])? {
    dottedPrefixes.first { parts.count > $0.prefix.count && parts.starts(with: $0.prefix) }
  }

  /// The name of a tensor of a model that has no table, as adapters for such models see it:
  /// `transformer.double_blocks.0.img_attn.qkv.weight`.
  public static func canonicalName(ofUnknown tensor: String) -> String {
    let parts = tensor.split(separator: ".").map(String.init)
    let prefix = dottedPrefix(of: parts)
    let scope = prefix?.scopes.last ?? "transformer"
    return ([scope] + parts.dropFirst(prefix?.prefix.count ?? 0)).joined(separator: ".")
  }

  /// diffusers' attention processors had names of their own: `attn1.processor.to_out_lora`, in text
  /// encoders `self_attn.to_q_lora`.
  private static func modernise(_ parts: inout [String]) {
    guard let last = parts.last, let owner = parts.dropLast().last else { return }
    if owner == "self_attn" {
      let names = ["to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"]
      if let name = names[last] { parts[parts.count - 1] = name }
    } else if last == "to_out" {
      parts.append("0")
    }
  }

  /// The path for messages: `unet.mid_block…`, or as the file has it where it is flat.
  public var description: String {
    guard let scope = scopes?.first else { return path }
    return isFlat ? "\(scope): \(path)" : "\(scope).\(path)"
  }
}
