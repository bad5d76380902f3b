internal import Checkpoints
internal import Foundation
public import KeyLayouts
internal import TensorCore

/// Merges adapters into a model, or models into one, tensor by tensor: memory does not grow with
/// them.
public struct Merger: Sendable {
  private let model: ReadModel
  private let request: ConversionRequest
  private let overrides: ConfigurationOverrides

  /// Prepares a merge.
  ///
  /// - Parameters:
  ///   - model: the model that is changed; the result has its names and its files.
  ///   - request: what to write, as for a conversion.
  ///   - overrides: what the user states about the model.
  public init(
    _ model: ReadModel, _ request: ConversionRequest,
    overrides: ConfigurationOverrides = ConfigurationOverrides()
  ) {
    self.model = model
    self.request = request
    self.overrides = overrides
  }

  /// The same merge of a model whose weights stand for themselves.
  private func withoutScales() throws -> Merger {
    let plain = try model.multiplyingScales(overrides: overrides) { component, shape in
      request.elementType(of: component).map { CastTensors.suits(shape, $0) } ?? false
    }
    return Merger(plain, request, overrides: overrides)
  }

  /// Writes the model with adapters baked in. The result appears whole or not at all.
  ///
  /// - Parameter progress: called with the bytes written so far and in all.
  /// - Throws: `AdapterError` when an adapter does not fit the model, nothing of it is in there, or
  ///   something is left over and the request is strict; the errors of `Converter.run`.
  public func run(
    adapters: [AdapterMerge.Application],
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> MergeReport {
    let merger = try withoutScales()
    let places = try merger.places()
    let family = try? model.reading.get().detection.family
    let merge = try AdapterMerge(adapters, on: try merger.targets(places), family: family)
    if request.isStrict { try merge.requireAll() }
    let record: JSON = .array(
      adapters.map {
        [
          "lora": .string(Self.name(of: $0.adapter.checkpoint)),
          "strength": .number($0.strength),
        ]
      })
    let (conversion, edited) = try merger.write(merge, places, record: record, progress)
    return MergeReport(
      conversion: conversion, adapters: merge.finalOutcomes, overflows: edited.overflows,
      nonFinite: edited.nonFinite, leftBehind: merger.staleCopies(edited))
  }

  /// Writes the model with others mixed in. The result appears whole or not at all.
  ///
  /// - Parameters:
  ///   - others: one model, or two for a difference.
  ///   - ratios: how much of them goes in; the method's own by default.
  ///   - progress: called with the bytes written so far and in all.
  /// - Throws: the errors of `CheckpointMerge` and of `Converter.run`.
  public func run(
    _ method: MergeMethod, with others: [ReadModel], ratios: BlockRatios? = nil,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> MergeReport {
    guard others.count == method.modelCount - 1 else {
      throw ConversionError(
        path: model.checkpoint.path,
        problem: "\(method.rawValue) takes \(method.modelCount) models, not \(others.count + 1)")
    }
    let merger = try withoutScales()
    let merge = try CheckpointMerge(
      method, base: merger.model, others: others, ratios: ratios ?? BlockRatios(method.defaultRatio)
    )
    let blocks = merge.ratios.blocks.map { ($0.name.description, JSON.number($0.ratio)) }
    let record: JSON = [
      "method": .string(method.rawValue),
      "models": .array(([model] + others).map { .string(Self.name(of: $0.checkpoint)) }),
      "ratio": .number(merge.ratios.base), "blocks": .object(JSONObject(blocks)),
    ]
    let (conversion, edited) = try merger.write(
      merge, merger.places(), record: record, progress)
    return MergeReport(
      conversion: conversion, models: merge, overflows: edited.overflows,
      nonFinite: edited.nonFinite, leftBehind: merger.staleCopies(edited))
  }

  /// The averages that are left behind as they were before the merge; none where the user has said
  /// what becomes of them.
  private func staleCopies(_ edited: EditedTensors) -> [String] {
    model.averages == nil ? edited.leftBehind : []
  }

  private static func name(of checkpoint: Checkpoint) -> String {
    URL(filePath: checkpoint.path).lastPathComponent
  }

  /// The canonical tensors of the model.
  private func places() throws -> CanonicalPlaces {
    switch model.reading {
    case .success(let reading):
      try reading.requireWhole(origin: model.checkpoint.path)
      return try CanonicalPlaces(reading, origin: model.checkpoint.path)
    case .failure(let error):
      guard error.isAboutFamily else { throw error }
      return CanonicalPlaces(unknown: model.checkpoint.source.tensors)
    }
  }

  /// The modules of the model with the names of both layouts.
  private func targets(_ places: CanonicalPlaces) throws -> AdapterTargets {
    guard case .success(let reading) = model.reading else {
      return AdapterTargets(places.tensors)
    }
    return try AdapterTargets(places.tensors, of: reading.detection.family)
  }

  /// Writes the changed model as a conversion does.
  private func write(
    _ edit: any TensorEdit, _ places: CanonicalPlaces, record: JSON,
    _ progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws -> (ConversionReport, EditedTensors) {
    let checkpoint = model.checkpoint
    let edited = try EditedTensors(
      checkpoint.checkedSource, places, edit, origin: checkpoint.path
    ) { tensor in
      let component = Component.allCases.first { tensor.name.hasPrefix($0.prefix) }
      return request.elementType(of: component) != nil
    }
    let changed = ReadModel(
      checkpoint.replacing(
        edited, metadata: Self.metadata(checkpoint.metadata, record: record)),
      overrides: overrides)
    try requireEffect(of: edited, edit, on: changed)
    return (try Converter(changed, request).run(progress: progress), edited)
  }

  /// A selection that leaves out everything that changes makes a merge a mere copy.
  private func requireEffect(
    of edited: EditedTensors, _ edit: any TensorEdit, on changed: ReadModel
  ) throws {
    guard !request.selection.isEverything || request.vaePath != nil, !edit.changed.isEmpty else {
      return
    }
    let targets = try ConversionPlan(changed, request).ledger.targets
    guard targets.contains(where: { $0.recipe.sources.contains(where: edited.isChanged) }) else {
      throw ConversionError(
        path: request.output, problem: "nothing that the merge changes is among what is written")
    }
  }

  /// The model's metadata without what the merge makes untrue, and with a record of it: a list, the
  /// last merge last.
  private static func metadata(_ metadata: JSONObject, record: JSON) -> JSONObject {
    var metadata = metadata
    metadata.removeWeightDigests()
    let earlier = metadata["assay.merge"]?.unquoted.arrayValue ?? []
    metadata["assay.merge"] = .array(earlier + (record.arrayValue ?? [record]))
    return metadata
  }
}

extension AdapterMerge: TensorEdit {}
extension CheckpointMerge: TensorEdit {}
