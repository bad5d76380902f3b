public import KeyLayouts

extension EmbeddingFile {
  /// What the file is, a line each embedding, and what of it is no part of one.
  public var lines: [String] {
    embeddings.map { embedding in
      let name = embedding.token.map { " '\($0)'" } ?? ""
      let kind = form == .bundled ? "bundled embedding" : "textual inversion"
      let unnamed = embedding.token == nil ? ", the file gives no token" : ""
      let parts = embedding.parts.map { part in
        let count = "\(part.vectorCount) vector\(part.vectorCount == 1 ? "" : "s")"
        return "\(count) of \(part.width) (\(part.fitting))"
      }
      let form = form == .bundled ? "" : " (\(self.form.title)\(unnamed))"
      return "\(isCertain ? "" : "perhaps a ")\(kind)\(name)\(form): "
        + parts.joined(separator: "; ")
    }
      + others.map { "  not part of it: \($0)" }
  }
}

extension CheckpointSummary {
  /// What the file is where it is no model but something for one, a LoRA or a textual inversion: a
  /// line each, the most important first.
  public var partLines: [String] {
    let isEmbedding = embeddings.map { $0.isCertain && $0.form != .bundled } ?? false
    return (isEmbedding ? embeddings?.lines : adapter?.lines) ?? []
  }
}
