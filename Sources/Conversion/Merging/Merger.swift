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

  /// Writes the model with adapters baked in. The result appears whole or not at all.
  ///
  /// - Parameter progress: called with the bytes written so far and in all.
  /// - Throws: `AdapterError` when an adapter does not fit the model, nothing of it is in there, or
  ///   something is left over and the request is strict; the errors of `Converter.run`.
  public func run(
    adapters: [AdapterMerge.Application],
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> MergeReport {
    let places = try places()
    let merge = try AdapterMerge(adapters, on: try targets(places))
    if request.isStrict { try merge.requireAll() }
    let record: JSON = .array(
      adapters.map {
        [
          "lora": .string(Self.name(of: $0.adapter.checkpoint)),
          "strength": .number($0.strength),
        ]
      })
    let (conversion, edited) = try write(merge, places, record: record, progress)
    return MergeReport(
      conversion: conversion, adapters: merge.outcomes, overflows: edited.overflows,
      leftBehind: edited.leftBehind)
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
    let merge = try CheckpointMerge(
      method, base: model, others: others, ratios: ratios ?? BlockRatios(method.defaultRatio))
    let blocks = merge.ratios.blocks.map { ($0.name.description, JSON.number($0.ratio)) }
    let record: JSON = [
      "method": .string(method.rawValue),
      "models": .array(([model] + others).map { .string(Self.name(of: $0.checkpoint)) }),
      "ratio": .number(merge.ratios.base), "blocks": .object(JSONObject(blocks)),
    ]
    let (conversion, edited) = try write(merge, places(), record: record, progress)
    return MergeReport(
      conversion: conversion, models: merge, overflows: edited.overflows,
      leftBehind: edited.leftBehind)
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
    return (try Converter(changed, request).run(progress: progress), edited)
  }

  /// Digests of weights that are no longer there.
  private static let staleKeys = [
    "modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash",
  ]

  /// The model's metadata without what the merge makes untrue, and with a record of it: a list, the
  /// last merge last.
  private static func metadata(_ metadata: JSONObject, record: JSON) -> JSONObject {
    var metadata = metadata
    for key in staleKeys { metadata[key] = nil }
    let earlier = metadata["assay.merge"]
    let parsed = earlier?.stringValue.flatMap { try? JSON(parsing: Array($0.utf8)) } ?? earlier
    metadata["assay.merge"] = .array((parsed?.arrayValue ?? []) + (record.arrayValue ?? [record]))
    return metadata
  }
}

extension AdapterMerge: TensorEdit {}
extension CheckpointMerge: TensorEdit {}
