public import TensorCore

/// What came of an extraction: what the LoRA holds and what is lost.
public struct ExtractionReport: Sendable, Hashable {
  /// One module of the LoRA.
  public struct Module: Sendable, Hashable {
    /// Its canonical name: `unet.mid_block.attentions.0.proj_in`.
    public let name: String
    /// The rank that was kept.
    public let rank: Int
    /// The sum of the squares of the change.
    public let energy: Double
    /// The part of it that the LoRA holds.
    public let capturedEnergy: Double

    /// The share of the change's energy that the LoRA holds.
    public var share: Double { energy > 0 ? capturedEnergy / energy : 1 }
  }

  /// A change that a LoRA has no place for.
  public struct Loss: Sendable, Hashable {
    /// The tensor's canonical name.
    public let tensor: String
    /// The sum of the squares of the change; `nil` where it cannot be told.
    public let energy: Double?
    /// Why it is lost.
    public let reason: String
  }

  /// Where the LoRA went.
  public let output: String
  /// The modules, in the first model's order.
  public let modules: [Module]
  /// The modules whose weights are the same in both models.
  public let unchangedCount: Int
  /// The changes that are lost.
  public let losses: [Loss]
  /// The bytes of the factors.
  public let byteCount: Int

  /// The norm of what the LoRA leaves of the changes that it holds, as a share of their norm.
  public var relativeError: Double {
    let energy = modules.reduce(0) { $0 + $1.energy }
    let left = modules.reduce(0) { $0 + max($1.energy - $1.capturedEnergy, 0) }
    return energy > 0 ? (left / energy).squareRoot() : 0
  }

  /// The share of the energy of all changes, lost ones too, that the LoRA holds.
  public var capturedShare: Double {
    let lost = losses.compactMap(\.energy).reduce(0, +)
    let energy = modules.reduce(0) { $0 + $1.energy } + lost
    return energy > 0 ? modules.reduce(0) { $0 + $1.capturedEnergy } / energy : 1
  }

  /// The report for machines.
  public var json: JSON {
    [
      "output": .string(output),
      "modules": .array(
        modules.map { module in
          [
            "name": .string(module.name), "rank": .integer(module.rank),
            "norm": .number(module.energy.squareRoot()), "share": .number(module.share),
          ]
        }),
      "unchanged": .integer(unchangedCount), "relative_error": .number(relativeError),
      "captured_share": .number(capturedShare), "tensor_bytes": .integer(byteCount),
      "lost": .array(
        losses.map { loss in
          [
            "tensor": .string(loss.tensor),
            "norm": loss.energy.map { .number($0.squareRoot()) } ?? .null,
            "reason": .string(loss.reason),
          ]
        }),
    ]
  }
}
