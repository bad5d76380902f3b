internal import TensorCore

/// What tells the family of a model whose components have been found.
struct FamilySigns {
  let family: Family
  /// The observation that decided, in one line.
  let evidence: String
  /// Whether the components tell the family: a VAE alone does not, nor a text encoder in
  /// transformers' names where several families may keep it.
  let isCertain: Bool
  /// The width of the text that the U-Net or ControlNet attends to.
  let contextWidth: Int?

  /// Looks for signs, the surest first: which text encoders there are, then the conditions that the
  /// network takes, then how wide its text is and how it projects.
  init(_ places: [ComponentPlace], _ tensors: [TensorDescription]) {
    let network = places.first { $0.component == .unet || $0.component == .controlNet }
    func find(_ tail: String, in place: ComponentPlace?) -> TensorDescription? {
      guard let place else { return nil }
      return tensors.first {
        $0.shape.rank > 0 && $0.name.hasPrefix(place.prefix) && $0.name.hasSuffix(tail)
      }
    }
    let context = find(".attn2.to_k.weight", in: network)?.shape.last
    contextWidth = context
    let added =
      find("label_emb.0.0.weight", in: network)
      ?? find("add_embedding.linear_1.weight", in: network)
    let projection = find(".proj_in.weight", in: network)
    let first = places.first { $0.component == .textEncoder }
    let second = places.first { $0.component == .textEncoder2 }
    isCertain =
      network != nil || second != nil
      || first.map {
        $0.naming == .openCLIP || $0.prefix.hasPrefix("conditioner.")
          || $0.prefix.hasPrefix("cond_stage_model.")
      } ?? false
    (family, evidence) =
      if let second, first == nil,
        second.prefix == "conditioner.embedders.0.model."
          || context != nil && context == find("token_embedding.weight", in: second)?.shape.last
      {
        (.stableDiffusionXLRefiner, "the second text encoder alone")
      } else if second != nil {
        (.stableDiffusionXL, first == nil ? "the second text encoder" : "two text encoders")
      } else if let added {
        // The refiner embeds five numbers beside the pooled text, the base model six.
        if let context, added.shape.last == context + 5 * 256 {
          (.stableDiffusionXLRefiner, "'\(added.name)' \(added.shape) takes five sizes")
        } else {
          (.stableDiffusionXL, "'\(added.name)' \(added.shape) takes sizes and a pooled text")
        }
      } else if let first, first.prefix.hasPrefix("conditioner.") {
        (.stableDiffusionXL, first.evidence)
      } else if let first, first.naming == .openCLIP {
        (.stableDiffusion2, "an OpenCLIP text encoder")
      } else if let first, find("token_embedding.weight", in: first)?.shape.last == 1024,
        projection.map({ $0.shape.rank == 2 }) ?? true
      {
        (.stableDiffusion2, "a text encoder of width 1024")
      } else if first?.prefix == "cond_stage_model.transformer." {
        (.stableDiffusion1, "CLIP's text encoder where Stable Diffusion 1.x keeps it")
      } else if let projection, projection.shape.rank == 2 {
        (.stableDiffusion2, "'\(projection.name)' \(projection.shape) is a linear layer")
      } else if network == nil, first == nil {
        (.stableDiffusion1, "an autoencoder alone, which does not tell the family")
      } else {
        (
          .stableDiffusion1,
          [
            first == nil ? nil : "one text encoder, CLIP's",
            projection == nil ? nil : "convolutional projections",
          ].compactMap(\.self).joined(separator: ", ")
        )
      }
  }
}
