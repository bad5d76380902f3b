internal import DiffusionModels
internal import KeyLayouts
internal import Numerics
internal import TensorCore

extension Validator {
  /// The noise predictions of recorded latents at several timesteps.
  func checkUNet() throws -> [Check] {
    let timesteps = try reference.floats("unet/timesteps", shape: [nil]).values
    if let wrong = timesteps.first(where: { !$0.isFinite }) {
      throw ReferenceError(
        path: reference.path,
        problem: .unusable(
          tensor: "unet/timesteps", problem: "timestep \(wrong), expected finite numbers"))
    }
    let unet = try UNet(model: model)
    return try timesteps.enumerated().map { number, timestep in
      try checkUNet(unet, number, timestep)
    }
  }

  private func checkUNet(_ unet: UNet, _ number: Int, _ timestep: Float) throws -> Check {
    let configuration = unet.configuration
    let entry = "unet/\(number)"
    let sample = try input(
      "\(entry)/sample", shape: [nil, configuration.inputChannels, nil, nil])
    let context = try input(
      "\(entry)/context",
      shape: [sample.shape[0], nil, configuration.crossAttentionWidth])
    let trace = try TraceComparison(
      reference: reference, prefix: "\(entry)/trace/", bound: .unet)
    let (noise, seconds) = timed {
      unet.predict(
        sample: sample, timestep: timestep, hiddenStates: context,
        trace: trace.isEmpty ? nil : trace.add)
    }
    let comparison = try compare(noise, with: "\(entry)/noise")
    let shown = Int(exactly: timestep).map(String.init) ?? "\(timestep)"
    let batch = sample.shape[0] == 1 ? "" : ", batch of \(sample.shape[0])"
    return check(
      "noise at timestep \(shown)\(batch)", comparison, bound: .unet, component: "unet",
      trace: trace, seconds: seconds)
  }
}
