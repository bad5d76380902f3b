internal import TensorCore

/// What a checkpoint's own metadata says about its training, with Stable Diffusion 1.x's values
/// where it says nothing.
struct TrainingFacts: Sendable, Hashable {
  /// Height and width of the latents.
  var imageSize = 64
  /// What latents are multiplied with: 1 over their standard deviation.
  var scalingFactor = 0.18215
  var timesteps = 1000
  var firstBeta = 0.00085
  var lastBeta = 0.012

  /// Reads `values.hyper_parameters` of a pickled checkpoint's metadata. Anybody may have written
  /// them: a value that no model has is passed over.
  init(metadata: JSONObject) {
    guard let stated = metadata["values"]?["hyper_parameters"] else { return }
    func integer(_ name: String, upTo limit: Int) -> Int? {
      stated[name]?.intValue.flatMap { (1...limit).contains($0) ? $0 : nil }
    }
    func number(_ name: String, below limit: Double) -> Double? {
      stated[name]?.doubleValue.flatMap { $0 > 0 && $0 < limit ? $0 : nil }
    }
    if let size = integer("image_size", upTo: 1 << 16) { imageSize = size }
    if let factor = number("scale_factor", below: 1e6) { scalingFactor = factor }
    if let count = integer("timesteps", upTo: 100_000) { timesteps = count }
    if let beta = number("linear_start", below: 1) { firstBeta = beta }
    if let beta = number("linear_end", below: 1) { lastBeta = beta }
  }
}
