internal import KeyLayouts
internal import TensorCore

/// Tensors whose presence says what a U-Net predicts, and on which schedule: `v_pred`, `ztsnr` for a
/// schedule that ends without signal, EDM's. The usual interfaces look for them in a single file.
struct MarkerTensors: TensorSource {
  let tensors: [TensorDescription]
  private let values: [[Float]]

  /// No markers.
  init() { (tensors, values) = ([], []) }

  /// The markers that a single file lacks.
  ///
  /// - Parameters:
  ///   - configurations: by component; the scheduler's has EDM's greatest sigma, the VAE's the
  ///     statistics of its latents.
  ///   - present: the tensors that are there.
  init(
    for prediction: Prediction, _ configurations: [String: JSONObject],
    present: [TensorDescription]
  ) {
    var markers: [(name: String, shape: TensorShape, values: [Float])] = []
    switch prediction.schedule {
    case .continuous where prediction.type == .velocity:
      let sigmas = ["sigma_max", "sigma_min"].map { field in
        (field, configurations["scheduler"]?[field]?.doubleValue)
      }
      for case (let field, let value?) in sigmas {
        markers.append(("edm_vpred.\(field)", [], [Float(value)]))
      }
    case .continuous:
      for (name, field) in [("edm_mean", "latents_mean"), ("edm_std", "latents_std")] {
        let values = configurations["vae"]?[field]?.arrayValue?.compactMap(\.doubleValue) ?? []
        // Without statistics the name alone says what the schedule is.
        markers.append(
          (name, values.isEmpty ? [0] : [1, values.count, 1, 1], values.map { Float($0) }))
      }
    case .discrete, .zeroTerminalSNR:
      if prediction.type == .velocity { markers.append(("v_pred", [0], [])) }
      if prediction.schedule == .zeroTerminalSNR { markers.append(("ztsnr", [0], [])) }
    }
    let known = Set(present.map(\.name))
    let lacking = markers.filter { !known.contains($0.name) }
    tensors = lacking.map {
      TensorDescription(name: $0.name, elementType: .float32, shape: $0.shape)
    }
    values = lacking.map(\.values)
  }

  func tensor(at index: Int) throws -> TensorView {
    let values = values[index]
    let storage = ByteStorage(count: 4 * values.count) { target in
      target.withUnsafeMutableBytes { target in
        values.withUnsafeBytes { target.copyMemory(from: $0) }
      }
    }
    return TensorView(
      description: tensors[index], storage: storage, byteRange: 0..<storage.count)
  }
}
