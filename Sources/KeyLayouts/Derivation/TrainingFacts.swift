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

  /// Reads `values.hyper_parameters` of a pickled checkpoint's metadata.
  init(metadata: JSONObject) {
    guard let stated = metadata["values"]?["hyper_parameters"] else { return }
    if let size = stated["image_size"]?.intValue, size > 0 { imageSize = size }
    if let factor = stated["scale_factor"]?.doubleValue, factor > 0 { scalingFactor = factor }
    if let count = stated["timesteps"]?.intValue, count > 0 { timesteps = count }
    if let beta = stated["linear_start"]?.doubleValue { firstBeta = beta }
    if let beta = stated["linear_end"]?.doubleValue { lastBeta = beta }
  }
}
