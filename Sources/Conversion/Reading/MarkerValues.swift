internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

extension Checkpoint {
  /// The values of the few small tensors that say something about a model and are no part of it:
  /// the statistics of its latents, the ends of its noise schedule.
  var markerValues: [String: [Double]] {
    var found: [String: [Double]] = [:]
    for (index, tensor) in source.tensors.enumerated() {
      guard let name = Prediction.markerWithValues(in: tensor.name),
        tensor.shape.elementCount <= 64, tensor.elementType.isDecodable,
        let view = try? source.tensor(at: index)
      else { continue }
      let floats = view.withBytes { ElementConversion.floats($0, type: tensor.elementType) }
      // The shortest decimals that are the same float, which is what was meant.
      found[name] = floats.compactMap { Double("\($0)") }
    }
    return found
  }
}
