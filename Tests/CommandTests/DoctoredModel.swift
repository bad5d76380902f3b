import Checkpoints
import Foundation
import TensorCore

/// The bundled checkpoint with a change to its list of tensors, written as safetensors.
struct DoctoredModel {
  /// Writes the checkpoint; `change` gives each tensor's new description, or `nil` to drop it. A
  /// new shape has as many elements as the old one.
  static func write(
    to path: String, _ change: (TensorDescription) -> TensorDescription?
  ) throws {
    let source = try Checkpoint.open(path: Digits.checkpoint).source
    let kept = source.tensors.enumerated().compactMap { index, tensor in
      change(tensor).map { (index, $0) }
    }
    var writer = try SafetensorsWriter(path: path)
    try writer.begin(tensors: kept.map(\.1), metadata: [:])
    for (index, description) in kept {
      try writer.append(try source.tensor(at: index).described(as: description))
    }
    try writer.finish()
  }
}
