internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// `model_index.json`: the pipeline's class, its own settings, and the library and class of each
/// component.
struct PipelineIndex {
  /// The file's contents.
  let json: JSONObject

  /// The key of the metadata under which a file of tensors says what of its pipeline neither they nor
  /// the family's rule give: the class and settings, as JSON.
  static let carriedKey = "assay.pipeline"

  /// What a checkpoint says of its pipeline: the index of a folder or an ingot, or what a file carries.
  static func stated(by checkpoint: Checkpoint) -> JSONObject {
    if let index = checkpoint.metadata["model_index"]?.objectValue { return index }
    let text = checkpoint.portableMetadata[carriedKey]?.stringValue
    let carried = text.flatMap { try? JSON(parsing: Array($0.utf8)) }?.objectValue
    return (carried ?? [:]).settings
  }

  /// What a file of tensors has to say of its pipeline; `nil` where the rule gives it all.
  static func carried(
    _ stated: JSONObject, family: Family, configurations: [String: JSONObject]
  ) -> String? {
    let derived = PipelineIndex(family: family, configurations: configurations, attachments: [])
    let unsaid = stated.settings.members.filter {
      $0.key != "_diffusers_version" && derived.json[$0.key] != $0.value
    }
    guard !unsaid.isEmpty else { return nil }
    return JSON.object(JSONObject(unsaid.map { ($0.key, $0.value) })).text()
  }

  /// Makes the index of a model.
  ///
  /// - Parameters:
  ///   - configurations: by component.
  ///   - attachments: the paths of the files carried along, tokenizers' among them.
  ///   - stated: the source's own index, which counts for more where it speaks of what is there.
  init(
    family: Family, configurations: [String: JSONObject], attachments: [String],
    stated: JSONObject = [:]
  ) {
    var entries: [String: JSON] = [:]
    for (name, value) in Self.settings(of: family, configurations) { entries[name] = value }
    for (component, configuration) in configurations {
      if let name = configuration["_class_name"]?.stringValue {
        entries[component] = ["diffusers", .string(name)]
      } else if let name = configuration["architectures"]?.arrayValue?.first {
        entries[component] = ["transformers", name]
      }
    }
    for name in ["tokenizer", "tokenizer_2"] {
      guard attachments.contains(where: { $0.hasPrefix(name + "/") }) else { continue }
      entries[name] = ["transformers", "CLIPTokenizer"]
    }
    let folders = Set(attachments.compactMap { $0.split(separator: "/").first.map(String.init) })
    for member in stated.members {
      let isPart = member.value.arrayValue != nil
      let isThere = entries[member.key] != nil || folders.contains(member.key)
      guard !isPart || isThere, member.key != "_name_or_path" else { continue }
      // A component may have been exchanged for one of another class.
      if let name = configurations[member.key]?["_class_name"],
        member.value.arrayValue?.first == "diffusers", member.value.arrayValue?.last != name
      {
        continue
      }
      entries[member.key] = member.value
    }
    let version = stated["_diffusers_version"] ?? configurations["unet"]?["_diffusers_version"]
    let name = stated["_class_name"] ?? .string(Self.pipeline(of: family, configurations))
    entries["_class_name"] = nil
    entries["_diffusers_version"] = nil
    json = JSONObject(
      [("_class_name", name), ("_diffusers_version", version ?? "0.9.0")]
        + entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  /// The pipeline for what the U-Net takes beside the latents: nothing, a mask and a picture, a
  /// picture, a depth map.
  private static func pipeline(
    of family: Family, _ configurations: [String: JSONObject]
  ) -> String {
    let condition = ConcatenatedCondition(unet: configurations["unet"])
    let isControlled = configurations["controlnet"] != nil
    switch family {
    case .stableDiffusion1, .stableDiffusion2:
      switch condition {
      case .depthMap: return "StableDiffusionDepth2ImgPipeline"
      case .picture: return "StableDiffusionInstructPix2PixPipeline"
      case .maskedPicture: return "StableDiffusionInpaintPipeline"
      case .nothing, nil:
        return isControlled ? "StableDiffusionControlNetPipeline" : "StableDiffusionPipeline"
      }
    case .stableDiffusionXL:
      switch condition {
      case .picture: return "StableDiffusionXLInstructPix2PixPipeline"
      case .maskedPicture: return "StableDiffusionXLInpaintPipeline"
      case .nothing, .depthMap, nil:
        return isControlled ? "StableDiffusionXLControlNetPipeline" : "StableDiffusionXLPipeline"
      }
    case .stableDiffusionXLRefiner: return "StableDiffusionXLImg2ImgPipeline"
    }
  }

  /// The settings of a pipeline, and the components that it does without.
  private static func settings(
    of family: Family, _ configurations: [String: JSONObject]
  ) -> KeyValuePairs<String, JSON> {
    switch family {
    case .stableDiffusion1, .stableDiffusion2:
      if ConcatenatedCondition(unet: configurations["unet"]) == .depthMap {
        return ["depth_estimator": [.null, .null], "feature_extractor": [.null, .null]]
      }
      return [
        "feature_extractor": [.null, .null], "safety_checker": [.null, .null],
        "requires_safety_checker": false,
      ]
    case .stableDiffusionXL: return ["force_zeros_for_empty_prompt": true]
    case .stableDiffusionXLRefiner:
      return [
        "force_zeros_for_empty_prompt": false, "requires_aesthetics_score": true,
        "text_encoder": [.null, .null], "tokenizer": [.null, .null],
      ]
    }
  }
}

extension JSONObject {
  /// Of a pipeline's index the class and the settings, without the components.
  fileprivate var settings: JSONObject {
    JSONObject(
      members.filter { $0.value.arrayValue == nil && $0.key != "_name_or_path" }.map {
        ($0.key, $0.value)
      })
  }
}
