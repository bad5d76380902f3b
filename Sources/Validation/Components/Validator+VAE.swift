internal import DiffusionModels
internal import KeyLayouts
internal import Numerics
internal import TensorCore

extension Validator {
  /// Encode, decode, and decode of what was encoded.
  func checkVAE() throws -> [Check] {
    let vae = try VAE(model: model)
    let configuration = vae.configuration
    let image = try input("vae/image", shape: [nil, 3, nil, nil])
    try checkExtents("vae/image", of: image, levels: configuration.blockChannels.count)
    let latent = try input("vae/latent", shape: [nil, configuration.latentChannels, nil, nil])

    let encoding = try TraceComparison(
      reference: reference, prefix: "vae/encode/trace/", bound: .vae)
    let (moments, encodeSeconds) = timed {
      vae.encodeMoments(image, trace: encoding.isEmpty ? nil : encoding.add)
    }
    let decoding = try TraceComparison(
      reference: reference, prefix: "vae/decode/trace/", bound: .vae)
    let (picture, decodeSeconds) = timed {
      vae.decode(latent, trace: decoding.isEmpty ? nil : decoding.add)
    }
    // Our own mean goes in: the round trip adds the errors of both halves.
    let (roundTrip, roundTripSeconds) = timed { vae.decode(moments.mean) }

    func check(
      _ name: String, _ found: Tensor, _ entry: String, peak: Double? = nil,
      trace: TraceComparison? = nil, seconds: Double
    ) throws -> Check {
      let comparison = try compare(found, with: entry, peak: peak)
      return Check(
        name: name, comparison: comparison, bound: .vae,
        firstBlock: Bound.vae.accepts(comparison) ? nil : trace?.firstDifference,
        seconds: seconds)
    }
    return [
      try check("encode, mean", moments.mean, "vae/mean", trace: encoding, seconds: encodeSeconds),
      try check("encode, log-variance", moments.logVariance, "vae/logvar", seconds: 0),
      try check(
        "decode", picture, "vae/picture", peak: 2, trace: decoding, seconds: decodeSeconds),
      try check("round trip", roundTrip, "vae/roundtrip", peak: 2, seconds: roundTripSeconds),
    ]
  }
}
