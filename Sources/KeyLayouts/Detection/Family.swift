public import TensorCore

/// A family of models: what they share are the components and the layout's table.
public enum Family: String, Sendable, Hashable, CaseIterable {
  /// Stable Diffusion 1.x and everything trained from it or like it.
  case stableDiffusion1 = "sd1"

  /// The name for people.
  public var title: String { "Stable Diffusion 1.x" }
}

/// A way to name a model's tensors.
public enum Layout: String, Sendable, Hashable, CaseIterable {
  /// CompVis' latent diffusion: `model.diffusion_model.…`, one checkpoint for all components.
  case ldm
  /// diffusers' names behind the component; the canonical ones.
  case diffusers
}

/// A family, a layout, and what gave them away.
public struct Detection: Sendable, Hashable {
  /// The family.
  public let family: Family
  /// The layout of the names.
  public let layout: Layout
  /// The observations that led there, one line each.
  public let evidence: [String]

  /// Finds the family of a set of names and shapes.
  ///
  /// - Throws: `LayoutError` when no known family has such names, with what they look like.
  public init(of tensors: [TensorDescription]) throws(LayoutError) {
    let names = Names(tensors.map(\.name))
    for (layout, prefixes) in [
      (Layout.ldm, StableDiffusion1.original), (.diffusers, StableDiffusion1.canonical),
    ] {
      let components = [
        ("U-Net", prefixes.unet), ("VAE", prefixes.vae), ("text encoder", prefixes.text),
      ].filter { names.hasPrefix($0.1) }
      guard !components.isEmpty else { continue }
      if let hint = Self.otherFamily(names, tensors) {
        throw LayoutError(.unknownFamily(hint: hint))
      }
      self.family = .stableDiffusion1
      self.layout = layout
      self.evidence =
        components.map { "\($0.0): names start with '\($0.1)'" }
        + Self.contextWidth(tensors).map { ["cross-attention context of \($0)"] }.flattened
      return
    }
    let first = tensors.first.map { "first tensor '\($0.name)'" } ?? "no tensors"
    throw LayoutError(.unknownFamily(hint: first))
  }

  /// What betrays a family that has no table yet.
  private static func otherFamily(_ names: Names, _ tensors: [TensorDescription]) -> String? {
    if names.hasPrefix("conditioner.embedders.") || names.hasPrefix("text_encoder_2.") {
      return "a second text encoder: Stable Diffusion XL?"
    }
    if names.hasPrefix("cond_stage_model.model.") {
      return "an OpenCLIP text encoder: Stable Diffusion 2?"
    }
    if let width = contextWidth(tensors), width == 1024 || width == 2048 {
      return "cross-attention context of \(width): Stable Diffusion \(width == 1024 ? "2" : "XL")?"
    }
    return nil
  }

  private static func contextWidth(_ tensors: [TensorDescription]) -> Int? {
    tensors.first { $0.name.hasSuffix(".attn2.to_k.weight") && $0.shape.rank == 2 }?.shape.last
  }
}

extension Optional where Wrapped == [String] {
  fileprivate var flattened: [String] { self ?? [] }
}
