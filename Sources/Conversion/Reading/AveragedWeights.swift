internal import KeyLayouts
internal import TensorCore

/// What to do with the average of a U-Net's weights (EMA) that a trainer left in a checkpoint.
public enum AveragedWeights: String, Sendable, Hashable, CaseIterable {
  /// The U-Net's own weights count; the averages are left behind.
  case drop
  /// The averages take the place of the weights that they are averages of.
  case prefer
  /// The same, and every weight of the U-Net must have one.
  case only
}

/// The tensors of a checkpoint with averages in the place of weights.
///
/// LDM's trainer keeps the average of `model.diffusion_model.out.2.bias` as
/// `model_ema.diffusion_modelout2bias`: the name behind `model.` without dots (`ldm/modules/ema.py`).
struct AveragedTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  private let places: [Int]

  private static let prefix = "model_ema."

  /// - Throws: `ConversionError` when there are no averages, one has another shape than its weight,
  ///   or, if all are needed, one is missing.
  init(_ source: any TensorSource, _ use: AveragedWeights, path: String) throws(ConversionError) {
    self.source = source
    var averages: [String: Int] = [:]
    for (index, tensor) in source.tensors.enumerated() {
      let name = NameCleaning.clean(tensor.name)
      guard name.hasPrefix(Self.prefix) else { continue }
      averages[String(name.dropFirst(Self.prefix.count))] = index
    }
    if use != .drop, averages.isEmpty {
      throw ConversionError(
        path: path, problem: "has no averaged weights, expected tensors named 'model_ema.…'")
    }
    var tensors: [TensorDescription] = []
    var places: [Int] = []
    for (index, tensor) in source.tensors.enumerated() {
      let name = NameCleaning.clean(tensor.name)
      if name.hasPrefix(Self.prefix) { continue }
      var description = tensor
      var place = index
      if use != .drop, name.hasPrefix("model.diffusion_model.") {
        let flat = name.dropFirst("model.".count).filter { $0 != "." }
        if let average = averages[flat] {
          let found = source.tensors[average]
          guard found.shape == tensor.shape else {
            throw ConversionError(
              path: path,
              problem: "tensor '\(found.name)' is \(found.shape), expected \(tensor.shape) as "
                + "'\(tensor.name)'")
          }
          description.elementType = found.elementType
          place = average
        } else if use == .only {
          throw ConversionError(
            path: path,
            problem: "tensor '\(tensor.name)' has no average, expected '\(Self.prefix)\(flat)'")
        }
      }
      tensors.append(description)
      places.append(place)
    }
    self.tensors = tensors
    self.places = places
  }

  func tensor(at index: Int) throws -> TensorView {
    try source.tensor(at: places[index]).described(as: tensors[index])
  }
}
