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

    func checked(
      _ name: String, _ found: Tensor, _ entry: String, peak: Double? = nil,
      trace: TraceComparison? = nil, seconds: Double = 0
    ) throws -> Check {
      check(
        name, try compare(found, with: entry, peak: peak), bound: .vae, component: "vae",
        trace: trace, seconds: seconds)
    }
    return [
      try checked(
        "encode, mean", moments.mean, "vae/mean", trace: encoding, seconds: encodeSeconds),
      try checked("encode, log-variance", moments.logVariance, "vae/logvar", trace: encoding),
      try checked(
        "decode", picture, "vae/picture", peak: 2, trace: decoding, seconds: decodeSeconds),
      try checked("round trip", roundTrip, "vae/roundtrip", peak: 2, seconds: roundTripSeconds),
    ]
  }
}
