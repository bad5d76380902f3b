internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// Converts an adapter from one naming to another. Bytes stay as they are.
public struct AdapterConverter: Sendable {
  private let adapter: Adapter
  private let request: AdapterRequest
  private let family: Family
  private let model: [TensorDescription]
  private let targets: AdapterTargets

  /// Prepares a conversion.
  ///
  /// - Parameter model: the model that the adapter is for, to tell its modules by; the published
  ///   models of all families by default.
  /// - Throws: `AdapterError` when nothing of the adapter is in any model; `LayoutError` when the
  ///   model's family is unknown.
  public init(_ adapter: Adapter, _ request: AdapterRequest, model: ReadModel? = nil) throws {
    self.adapter = adapter
    self.request = request
    if let model {
      let reading = try model.reading.get()
      family = reading.detection.family
      self.model = reading.ledger.targets.map(\.description)
      targets = try AdapterTargets(self.model, of: family)
      return
    }
    guard let published = try AdapterTargets.published(for: adapter.file) else {
      let first = adapter.file.modules[0].name
      throw AdapterError(
        .nothingApplies(
          count: adapter.file.modules.count, first: first.path, nearest: nil,
          hint: adapter.file.hint ?? "name the model with --base"),
        origin: adapter.checkpoint.path)
    }
    (family, targets) = published
    self.model = family.publishedModules
  }

  /// Writes the result, which appears whole or not at all.
  ///
  /// - Throws: `ConversionError` when the container has no adapters, or no place for alpha,
  ///   or the request is strict and something would be left behind; `AdapterError` when nothing is
  ///   left to write; the errors of readers and writers.
  public func run() throws -> AdapterReport {
    guard request.container == .safetensors || request.container == .pytorch else {
      throw ConversionError(
        path: request.output,
        problem: "\(request.container.rawValue) holds no LoRA, expected safetensors or pytorch")
    }
    let names = try AdapterNames(request.naming, family: family, model)
    var parts = AdapterParts(adapter, names)
    var kinds: [String: Int] = [:]
    var taken: [String: String] = [:]
    for module in adapter.file.modules {
      let target: AdapterTargets.Target
      do throws(AdapterTargets.Miss) {
        target = try targets.target(of: module.name)
      } catch {
        parts.leave(module, error.reason)
        continue
      }
      if let first = taken.updateValue(module.name.path, forKey: target.module) {
        parts.leave(module, "'\(first)' is '\(target.module)' too")
        continue
      }
      if try parts.add(module, named: target.module) { kinds[module.kind, default: 0] += 1 }
    }
    guard !parts.tensors.isEmpty else {
      let reason = parts.leftovers.first { !$0.isKnown }?.reason
      throw AdapterError(
        .nothingApplies(
          count: adapter.file.modules.count, first: adapter.file.modules[0].name.path,
          nearest: nil, hint: reason ?? adapter.file.hint),
        origin: adapter.checkpoint.path)
    }
    let strays = parts.leftovers.filter { !$0.isKnown }
    if request.isStrict, let first = strays.first {
      let others = strays.count == 1 ? "" : ", and \(strays.count - 1) more"
      throw ConversionError(
        path: adapter.checkpoint.path,
        problem: "'\(first.name)' would be left behind: \(first.reason)\(others)")
    }
    if request.container == .pytorch, parts.hasConfiguration {
      throw ConversionError(
        path: request.output,
        problem: "alpha has no place in a pickle with \(request.naming.rawValue) naming, expected "
          + "safetensors, or kohya naming")
    }
    let source = parts.source
    let cast = request.elementType.map { CastTensors(source, to: $0) }
    var metadata = parts.metadata
    let renamed = metadata.add(request.metadata, for: request.container)
    try request.container.write(
      cast ?? source, metadata: metadata, to: Destination(path: request.output))
    return AdapterReport(
      source: adapter.checkpoint.path, sourceNaming: adapter.file.naming, output: request.output,
      container: request.container, naming: request.naming, family: family, kinds: kinds,
      leftovers: parts.leftovers, total: adapter.file.modules.count,
      overflows: cast?.overflows ?? [], renamedMetadata: renamed)
  }
}
