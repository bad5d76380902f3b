/// A text encoder that embeddings are made for, by the name that files give it.
public enum EmbeddingEncoder: String, Sendable, Hashable, CaseIterable {
  /// CLIP ViT-L/14: the encoder of SD 1.x, and SDXL's first.
  case clipL = "clip_l"
  /// OpenCLIP ViT-H/14: the encoder of SD 2.x.
  case clipH = "clip_h"
  /// OpenCLIP ViT-bigG/14: SDXL's second encoder.
  case clipG = "clip_g"
  /// T5 XXL: the third encoder of SD 3, the second of FLUX.
  case t5XXL = "t5xxl"

  /// How wide its token embeddings are.
  public var width: Int {
    switch self {
    case .clipL: 768
    case .clipH: 1024
    case .clipG: 1280
    case .t5XXL: 4096
    }
  }

  /// Which encoder of which family it is, for people.
  public var title: String {
    switch self {
    case .clipL: "SD 1.x's text encoder, SDXL's first"
    case .clipH: "SD 2.x's text encoder"
    case .clipG: "SDXL's second text encoder"
    case .t5XXL: "the T5 encoder of SD 3 and FLUX"
    }
  }

  /// The encoder whose token embeddings have a width, if a published one has.
  public init?(width: Int) {
    guard let match = Self.allCases.first(where: { $0.width == width }) else { return nil }
    self = match
  }
}
