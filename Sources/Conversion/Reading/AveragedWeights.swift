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

/// The tensors of a checkpoint with averages in the place of weights; the averages stay listed under
/// their own names.
///
/// LDM's trainer keeps the average of `model.diffusion_model.out.2.bias` as
/// `model_ema.diffusion_modelout2bias`: the name behind `model.` without dots (`ldm/modules/ema.py`).
struct AveragedTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  private let places: [Int]

  static let prefix = "model_ema."
  private static let networks = ["model.diffusion_model.", "diffusion_model.", "unet."]
  /// What the trainer counts beside the averages.
  private static let counters: Set<String> = ["decay", "num_updates"]

  /// - Throws: `ConversionError` when averages are wanted and there are none, one has another shape
  ///   than its weight, none or not every one of them is of a weight, or, if all are needed, one is
  ///   missing.
  init(_ source: any TensorSource, _ use: AveragedWeights, path: String) throws(ConversionError) {
    self.source = source
    guard use != .drop else {
      (tensors, places) = (source.tensors, Array(source.tensors.indices))
      return
    }
    var averages: [String: Int] = [:]
    for (index, tensor) in source.tensors.enumerated() {
      let name = NameCleaning.clean(tensor.name)
      guard name.hasPrefix(Self.prefix) else { continue }
      averages[String(name.dropFirst(Self.prefix.count))] = index
    }
    for counter in Self.counters { averages[counter] = nil }
    guard !averages.isEmpty else {
      throw ConversionError(
        path: path, problem: "has no averaged weights, expected tensors named 'model_ema.…'")
    }
    var tensors = source.tensors
    var places = Array(tensors.indices)
    for (index, tensor) in source.tensors.enumerated() {
      guard let flat = Self.flatName(of: NameCleaning.clean(tensor.name)) else { continue }
      if let average = averages.removeValue(forKey: flat) {
        let found = source.tensors[average]
        guard found.shape == tensor.shape else {
          throw ConversionError(
            path: path,
            problem: "tensor '\(found.name)' is \(found.shape), expected \(tensor.shape) as "
              + "'\(tensor.name)'")
        }
        tensors[index].elementType = found.elementType
        places[index] = average
      } else if use == .only {
        throw ConversionError(
          path: path,
          problem: "tensor '\(tensor.name)' has no average, expected '\(Self.prefix)\(flat)'")
      }
    }
    if let stray = averages.min(by: { $0.value < $1.value }) {
      throw ConversionError(
        path: path,
        problem: "'\(source.tensors[stray.value].name)' is the average of no weight of the U-Net")
    }
    self.tensors = tensors
    self.places = places
  }

  /// The name of a U-Net's weight as the trainer flattens it; `nil` for anything else.
  private static func flatName(of name: String) -> String? {
    networks.first(where: name.hasPrefix).map { prefix in
      "diffusion_model" + name.dropFirst(prefix.count).filter { $0 != "." }
    }
  }

  func tensor(at index: Int) throws -> TensorView {
    try source.tensor(at: places[index]).described(as: tensors[index])
  }
}

extension ReadModel {
  /// Why an average is left out of the result, where the user has said what becomes of them.
  func averageRefusal(of name: String) -> String? {
    averages != nil && NameCleaning.clean(name).hasPrefix(AveragedTensors.prefix)
      ? "EMA copy" : nil
  }
}
