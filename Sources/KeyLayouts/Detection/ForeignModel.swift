public import TensorCore

/// A model of a family that is recognised and has no table here: its parts are listed, and it goes
/// from container to container under the names it has.
public struct ForeignModel: Sendable, Hashable {
  /// One part of it.
  public struct Part: Sendable, Hashable {
    /// What it is: `transformer`, `VAE`, `CLIP-L`.
    public let title: String
    /// What its names start with; empty for bare names.
    public let prefix: String
    /// Its tensors.
    public let tensors: [TensorDescription]
  }

  /// The name of the family.
  public let title: String
  /// The tensor that gave it away.
  public let evidence: String
  /// The parts, those that were found, and the rest under the title `other`.
  public let parts: [Part]

  /// Recognises Stable Diffusion 3.x and FLUX.1, in one file or in a folder of diffusers; `nil` for
  /// anything else.
  public init?(of tensors: [TensorDescription]) {
    self.init(of: tensors, Names(tensors.map(\.name)))
  }

  init?(of tensors: [TensorDescription], _ names: Names) {
    guard
      let family = Self.families.first(where: { family in
        family.signs.contains { names.first(holding: $0) != nil }
      }), let evidence = family.signs.lazy.compactMap({ names.first(holding: $0) }).first
    else { return nil }
    title = family.title
    self.evidence = evidence
    var parts: [Part] = []
    var rest = tensors
    for (title, prefixes) in family.parts {
      for prefix in prefixes {
        let found = rest.filter { $0.name.hasPrefix(prefix) }
        guard !found.isEmpty else { continue }
        rest.removeAll { $0.name.hasPrefix(prefix) }
        parts.append(Part(title: title, prefix: prefix, tensors: found))
      }
    }
    if !rest.isEmpty {
      // A transformer alone has bare names.
      let isLone = parts.isEmpty
      parts.append(Part(title: isLone ? "transformer" : "other", prefix: "", tensors: rest))
    }
    self.parts = parts
  }

  private struct Family {
    let title: String
    /// Parts of names that no other family has.
    let signs: [String]
    /// The titles of parts and the prefixes under which each may lie.
    let parts: KeyValuePairs<String, [String]>
  }

  private static let families = [
    Family(
      title: "FLUX.1",
      signs: [
        "double_blocks.0.img_attn.", "single_blocks.0.linear1.", "single_transformer_blocks.0.",
      ],
      parts: [
        "transformer": ["model.diffusion_model.", "transformer."],
        "VAE": ["first_stage_model.", "vae."],
        "CLIP-L": ["text_encoders.clip_l.", "text_encoder."],
        "T5-XXL": ["text_encoders.t5xxl.", "text_encoder_2."],
      ]),
    Family(
      title: "Stable Diffusion 3",
      signs: ["joint_blocks.0.", "transformer_blocks.0.attn.add_q_proj."],
      parts: [
        "transformer": ["model.diffusion_model.", "transformer."],
        "VAE": ["first_stage_model.", "vae."],
        "CLIP-L": ["text_encoders.clip_l.", "text_encoder."],
        "CLIP-G": ["text_encoders.clip_g.", "text_encoder_2."],
        "T5-XXL": ["text_encoders.t5xxl.", "text_encoder_3."],
      ]),
  ]
}
