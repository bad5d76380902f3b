internal import KeyLayouts
internal import TensorCore

/// Tensors without elements whose names say what an SDXL model predicts: `v_pred`, and `ztsnr` for a
/// schedule that ends without signal. The usual interfaces look for them in a single file.
struct MarkerTensors: TensorSource {
  let tensors: [TensorDescription]

  /// No markers.
  init() { tensors = [] }

  /// The markers that a single file lacks.
  ///
  /// - Parameter present: the tensors that are there.
  init(for prediction: Prediction, of family: Family, present: [TensorDescription]) {
    var names: [String] = []
    if family == .stableDiffusionXL, prediction.schedule != .continuous {
      if prediction.type == .velocity { names.append("v_pred") }
      if prediction.schedule == .zeroTerminalSNR { names.append("ztsnr") }
    }
    let known = Set(present.map(\.name))
    tensors = names.filter { !known.contains($0) }.map {
      TensorDescription(name: $0, elementType: .float32, shape: [0])
    }
  }

  func tensor(at index: Int) throws -> TensorView {
    TensorView(
      description: tensors[index], storage: ByteStorage(count: 0) { _ in }, byteRange: 0..<0)
  }
}
