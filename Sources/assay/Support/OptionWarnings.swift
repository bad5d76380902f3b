internal import Checkpoints
internal import Conversion

/// Warnings about what options ask for, in the same words for models, LoRAs and textual inversions.
struct OptionWarnings {
  let source: String
  let output: String
  let container: ContainerFormat

  /// About rules of `--rename` that match no tensor.
  func idle(_ patterns: [String]) -> [String] {
    guard let first = patterns.first else { return [] }
    let rules = patterns.count == 1 ? "1 rule" : "\(patterns.count) rules"
    return ["\(source): \(rules) of --rename without a tensor to rename, first '\(first)'"]
  }

  /// About metadata that the container has for itself.
  func renamed(_ keys: [String: String]) -> [String] {
    keys.sorted { $0.key < $1.key }.map { key, name in
      "\(output): '\(key)' in the metadata is \(container.rawValue)'s own, kept as '\(name)'"
    }
  }
}

extension ReadModel {
  /// What is to be said of the options after a LoRA or a textual inversion was written.
  func warnings(of renamedMetadata: [String: String], _ request: ConversionRequest) -> [String] {
    let warnings = OptionWarnings(
      source: checkpoint.path, output: request.output, container: request.container)
    return warnings.idle(idleRenames) + warnings.renamed(renamedMetadata)
  }
}
