public import TensorCore

/// What kind of model an adapter was trained for, as far as its shapes, names and metadata tell.
public struct AdapterOrigin: Sendable, Hashable {
  /// The family's name: `Stable Diffusion XL`, `FLUX.1`.
  public let title: String
  /// The observation, in one line.
  public let evidence: String

  init(title: String, evidence: String) { (self.title, self.evidence) = (title, evidence) }

  /// What trainers and `modelspec.architecture` say; `nil` where nothing does.
  ///
  /// Source of the words: kohya-ss/sd-scripts, `train_util.py`.
  public init?(stated metadata: JSONObject) {
    for key in ["modelspec.architecture", "ss_base_model_version"] {
      guard let text = metadata[key]?.stringValue,
        let match = Self.words.first(where: { text.lowercased().hasPrefix($0.key) })
      else { continue }
      self.init(title: match.value, evidence: "\(key) '\(text)' in the metadata")
      return
    }
    return nil
  }

  private static let words: KeyValuePairs = [
    "stable-diffusion-xl-v1-refiner": Family.stableDiffusionXLRefiner.title,
    "stable-diffusion-xl": Family.stableDiffusionXL.title,
    "stable-diffusion-v1": Family.stableDiffusion1.title,
    "stable-diffusion-v2": Family.stableDiffusion2.title,
    "stable-diffusion-3": "Stable Diffusion 3", "flux": "FLUX.1",
    "sdxl": Family.stableDiffusionXL.title, "sd_v1": Family.stableDiffusion1.title,
    "sd_v2": Family.stableDiffusion2.title, "sd3": "Stable Diffusion 3",
  ]
}

extension AdapterFile {
  /// The kind of model that the adapter was trained for; `nil` where nothing tells. Surest first:
  /// the width of the text that is attended to, parts that one family alone has, what trainers and
  /// `modelspec.architecture` say, the width of the text encoders.
  public func origin(metadata: JSONObject = [:]) -> AdapterOrigin? {
    byContext ?? byParts ?? AdapterOrigin(stated: metadata) ?? byTextEncoder
  }

  /// The family as the end of a message.
  public var hint: String? { origin().map { "a LoRA for \($0.title)" } }

  private var byContext: AdapterOrigin? {
    for module in modules where module.name.path.hasSuffix("to_k") {
      guard module.name.path.contains("attn2"), let columns = module.extents(in: self)?.columns,
        let family = Self.families(ofContext: columns)
      else { continue }
      return AdapterOrigin(
        title: family.title, evidence: "'\(module.name.path)' attends to a text of \(columns)")
    }
    return nil
  }

  private static func families(ofContext width: Int) -> Family? {
    switch width {
    case 768: .stableDiffusion1
    case 1024: .stableDiffusion2
    case 1280: .stableDiffusionXLRefiner
    case 2048: .stableDiffusionXL
    default: nil
    }
  }

  private var byParts: AdapterOrigin? {
    for (part, title) in Self.parts {
      if let module = modules.first(where: { $0.name.path.contains(part) }) {
        return AdapterOrigin(title: title, evidence: "a module '\(module.name.path)'")
      }
    }
    let isOfXL: (AdapterModule) -> Bool = {
      $0.name.scopes?.first == "text_encoder_2" || self.name(of: $0).hasPrefix("lora_te1_")
    }
    return modules.first(where: isOfXL).map {
      AdapterOrigin(
        title: Family.stableDiffusionXL.title, evidence: "a module '\(name(of: $0))'")
    }
  }

  private static let parts: KeyValuePairs = [
    "double_blocks": "FLUX.1", "single_blocks": "FLUX.1", "single_transformer_blocks": "FLUX.1",
    "joint_blocks": "Stable Diffusion 3", "add_k_proj": "Stable Diffusion 3",
  ]

  /// The module as the file names it.
  private func name(of module: AdapterModule) -> String {
    module.parts.values.min().map { tensors[$0].name } ?? ""
  }

  /// SDXL's first text encoder is Stable Diffusion 1.x's, so that its width tells nothing.
  private var byTextEncoder: AdapterOrigin? {
    for module in modules where module.name.path.hasSuffix("q_proj") {
      guard let columns = module.extents(in: self)?.columns else { continue }
      let family: Family
      switch columns {
      case 1024: family = .stableDiffusion2
      case 1280: family = .stableDiffusionXL
      default: continue
      }
      return AdapterOrigin(
        title: family.title, evidence: "'\(module.name.path)' is of a text encoder \(columns) wide")
    }
    return nil
  }
}
