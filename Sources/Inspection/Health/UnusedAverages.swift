internal import TensorCore

/// Averaged weights, below `model_ema.` under the weights' names without dots (LDM's `LitEma`), that
/// nobody averaged.
struct UnusedAverages {
  /// Where the number of averaged steps stands.
  static let counter = "model_ema.num_updates"

  /// The averages, if all of them are the weights themselves.
  let names: Set<String>
  private let ordered: [String]
  private let count: Int

  init(_ facts: ModelFacts) {
    var weights: [String: Digest128] = [:]
    for tensor in facts.tensors {
      guard let name = tensor.sourceName, name.hasPrefix("model.") else { continue }
      let key = name.dropFirst("model.".count).filter { $0 != "." }
      weights["model_ema." + key] = tensor.digest
    }
    let averages = facts.tensors.filter { weights[$0.sourceName ?? ""] != nil }
    let areWeights = averages.allSatisfy { weights[$0.sourceName ?? ""] == $0.digest }
    count = averages.count
    ordered = areWeights ? averages.map(\.description.name) : []
    names = Set(ordered)
  }

  var findings: [HealthReport.Finding] {
    guard !names.isEmpty else { return [] }
    return [finding("are the weights themselves: never used", ordered)]
  }

  /// What the counter of averaged steps adds to that.
  func findings(updates: TensorView) -> [HealthReport.Finding] {
    guard names.isEmpty, count > 0, updates.doubles.first == 0 else { return [] }
    return [finding("were never updated: num_updates is 0", [Self.counter])]
  }

  private func finding(_ text: String, _ tensors: [String]) -> HealthReport.Finding {
    HealthReport.Finding(
      kind: .unusedAverage, isProblem: false, text: "\(count) averaged weights \(text)",
      tensors: tensors)
  }
}
