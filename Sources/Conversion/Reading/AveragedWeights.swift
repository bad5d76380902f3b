internal import KeyLayouts
internal import TensorCore

/// What to do with the averages of weights (EMA) that a trainer left in a checkpoint.
public enum AveragedWeights: String, Sendable, Hashable, CaseIterable {
  /// The weights themselves count; the averages are left behind.
  case drop
  /// Averages take the place of the weights that they are averages of, where there are some.
  case prefer
  /// The same, and every weight of the U-Net must have one.
  case only
}

/// The tensors of a checkpoint with averages in the place of weights; the averages stay listed under
/// their own names. Of a U-Net that is there as averages alone, they get the names of its weights.
struct AveragedTensors: TensorSource {
  let tensors: [TensorDescription]
  /// The places of averages that stand for a weight.
  let used: Set<Int>
  private let source: any TensorSource
  private let places: [Int]

  /// - Throws: `ConversionError` when averages are insisted on and there are none, one has another
  ///   shape than its weight or is of none, or, if all are needed, one is missing.
  init(_ source: any TensorSource, _ use: AveragedWeights, path: String) throws(ConversionError) {
    self.source = source
    let all = source.tensors
    var averages: [Average: Int] = [:]
    for (index, tensor) in all.enumerated() {
      guard let average = Average(NameCleaning.clean(tensor.name)) else { continue }
      averages[average] = index
    }
    guard use != .drop, !averages.isEmpty else {
      guard use != .only else {
        throw ConversionError(
          path: path,
          problem: "has no averaged weights, expected tensors named '\(Average.prefix)…' or "
            + "'params_ema.…'")
      }
      (tensors, places, used) = (all, Array(all.indices), [])
      return
    }
    var tensors = all
    var places = Array(all.indices)
    var used: Set<Int> = []
    var hasNetwork = false
    for (index, tensor) in all.enumerated() {
      let name = NameCleaning.clean(tensor.name)
      guard Average(name) == nil else { continue }
      let flat = Average(ofWeight: name)
      hasNetwork = hasNetwork || flat != nil
      let candidates = [flat, .named(name)].compactMap(\.self)
      if let average = candidates.lazy.compactMap({ averages[$0] }).first {
        let found = all[average]
        guard found.shape == tensor.shape else {
          throw ConversionError(
            path: path,
            problem: "tensor '\(found.name)' is \(found.shape), expected \(tensor.shape) as "
              + "'\(tensor.name)'")
        }
        tensors[index].elementType = found.elementType
        places[index] = average
        used.insert(average)
      } else if use == .only, let flat {
        throw ConversionError(
          path: path,
          problem: "tensor '\(tensor.name)' has no average, expected '\(flat.name)'")
      }
    }
    let strays = averages.filter { !used.contains($0.value) }.sorted { $0.value < $1.value }
    for stray in strays {
      guard !hasNetwork, let name = stray.key.weight else {
        throw ConversionError(
          path: path,
          problem:
            "'\(all[stray.value].name)' is the average of no weight of the \(stray.key.model)")
      }
      tensors[stray.value].name = name
    }
    self.tensors = tensors
    self.places = places
    self.used = used
  }

  func tensor(at index: Int) throws -> TensorView {
    try source.tensor(at: places[index]).described(as: tensors[index])
  }
}

/// Of which weight a tensor is the average, by its name.
enum Average: Hashable {
  /// A U-Net's, whose name LDM's trainer (`ldm/modules/ema.py`) writes without dots: that of
  /// `model.diffusion_model.out.2.bias` is `model_ema.diffusion_modelout2bias`.
  case flat(String)
  /// Any weight's, under the weight's own name below another dictionary: `params_ema.…`.
  case named(String)

  static let prefix = "model_ema."
  /// What the trainer counts beside the averages.
  private static let counters: Set<String> = [
    "decay", "num_updates", "optimization_step",
  ]
  private static let networks = ["model.diffusion_model.", "diffusion_model.", "unet."]
  private static let network = "diffusion_model"

  /// Whether a tensor is an average, or is counted beside averages, by its name in the file.
  static func isOne(_ name: String) -> Bool {
    let name = NameCleaning.clean(name)
    return name.hasPrefix(prefix) || LayoutReading.averagesModule(of: name) != nil
  }

  /// Reads the clean name of an average; `nil` for anything else.
  init?(_ name: String) {
    if let rest = name[...].behind(Self.prefix).map(String.init) {
      guard !Self.counters.contains(rest) else { return nil }
      self = .flat(rest)
    } else if let module = LayoutReading.averagesModule(of: name),
      let rest = name[...].behind(module + "."), !Self.counters.contains(String(rest))
    {
      self = .named(NameCleaning.clean(String(rest)))
    } else {
      return nil
    }
  }

  /// What the trainer calls the average of a U-Net's weight; `nil` for any other.
  init?(ofWeight name: String) {
    guard let prefix = Self.networks.first(where: name.hasPrefix) else { return nil }
    self = .flat(Self.network + name.dropFirst(prefix.count).filter { $0 != "." })
  }

  /// The name that such a tensor has.
  var name: String {
    switch self {
    case .flat(let name): Self.prefix + name
    case .named(let name): name
    }
  }

  /// What the weight is of, for messages.
  var model: String {
    switch self {
    case .flat: "U-Net"
    case .named: "model"
    }
  }

  /// The name of the weight, where the average's tells it.
  var weight: String? {
    switch self {
    case .flat(let name):
      name[...].behind(Self.network).flatMap { FlatName.dotted(String($0)) }
        .map { "model.diffusion_model." + $0 }
    case .named: nil
    }
  }
}
