internal import TensorCore

/// What a checkpoint's own metadata says about its training, with the values of all families where
/// it says nothing.
struct TrainingFacts: Sendable, Hashable {
  /// Height and width of the latents, if stated.
  var imageSize: Int?
  /// What latents are multiplied with, if stated: 1 over their standard deviation.
  var scalingFactor: Double?
  /// The mean of each channel of the latents, if stated.
  var latentsMean: [Double]?
  /// The standard deviation of each channel of the latents, if stated.
  var latentsDeviation: [Double]?
  /// The least and the greatest noise of EDM's schedule, if stated.
  var leastSigma: Double?
  var greatestSigma: Double?
  var timesteps = 1000
  var firstBeta = 0.00085
  var lastBeta = 0.012
  /// The names of the facts that the metadata states.
  var stated: Set<String> = []

  /// Reads `values.hyper_parameters` of a pickled checkpoint's metadata, and the values of marker
  /// tensors. Anybody may have written them: a value that no model has is passed over.
  init(metadata: JSONObject, markers: [String: [Double]] = [:]) {
    readMarkers(markers)
    guard let found = metadata["values"]?["hyper_parameters"] else { return }
    func integer(_ name: String, upTo limit: Int) -> Int? {
      found[name]?.intValue.flatMap { (1...limit).contains($0) ? $0 : nil }
    }
    func number(_ name: String, below limit: Double) -> Double? {
      found[name]?.doubleValue.flatMap { $0 > 0 && $0 < limit ? $0 : nil }
    }
    imageSize = integer("image_size", upTo: 1 << 16)
    scalingFactor = number("scale_factor", below: 1e6)
    if let count = integer("timesteps", upTo: 100_000) {
      timesteps = count
      stated.insert("num_train_timesteps")
    }
    if let beta = number("linear_start", below: 1) {
      firstBeta = beta
      stated.insert("beta_start")
    }
    if let beta = number("linear_end", below: 1) {
      lastBeta = beta
      stated.insert("beta_end")
    }
  }

  private mutating func readMarkers(_ markers: [String: [Double]]) {
    func values(_ name: String, where isSane: (Double) -> Bool) -> [Double]? {
      markers[name].flatMap { !$0.isEmpty && $0.allSatisfy(isSane) ? $0 : nil }
    }
    let deviation = values("edm_std") { $0 > 0 && $0 < 1e6 }
    let mean = values("edm_mean") { abs($0) < 1e6 }
    if let mean, let deviation, mean.count == deviation.count {
      (latentsMean, latentsDeviation) = (mean, deviation)
    }
    leastSigma = values("edm_vpred.sigma_min") { $0 > 0 && $0 < 1e6 }?.first
    greatestSigma = values("edm_vpred.sigma_max") { $0 > 0 && $0 < 1e6 }?.first
  }
}
