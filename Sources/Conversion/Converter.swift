internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// Converts a model to another container, other names or another element type, tensor by tensor:
/// memory does not grow with the model.
public struct Converter: Sendable {
  private let model: ReadModel
  private let request: ConversionRequest

  /// Prepares a conversion.
  public init(_ model: ReadModel, _ request: ConversionRequest) {
    self.model = model
    self.request = request
  }

  private var checkpoint: Checkpoint { model.checkpoint }

  /// Writes the result, which appears whole or not at all.
  ///
  /// A model of a known family must be whole. Where neither the layout nor the container asks for
  /// other names, every tensor is kept under its own.
  ///
  /// - Parameter progress: called with the bytes written so far and in all.
  /// - Throws: `LayoutError` when a tensor is missing or misshapen, or the family is unknown and
  ///   the result needs one; `ConversionError` when the request makes no sense; the errors of
  ///   readers and writers.
  public func run(
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> ConversionReport {
    let plan = try plan()
    let cast = request.elementType.map { CastTensors(plan.tensors, to: $0) }
    let tensors: any TensorSource = cast ?? plan.tensors
    let detection = try? model.reading.get().detection
    var destination = Destination(
      path: request.output, tool: request.tool, family: detection?.family.rawValue,
      shardBytes: request.shardBytes)
    if request.container.contents != .tensors, case .success = model.reading {
      let canonical = try model.model
      destination.configurations = canonical.configurations
      destination.attachments = canonical.attachments
      if request.container.contents == .components, let lone = detection?.components.first,
        detection?.components.count == 1
      {
        // A folder of one component is what its class saves: no scheduler, no tokenizer.
        destination.configurations = canonical.configurations.filter { $0.key == lone.rawValue }
        destination.attachments = [:]
      }
      if request.container.contents == .components, let detection,
        detection.components.count > 1
      {
        destination.modelIndex =
          PipelineIndex(
            family: detection.family, configurations: canonical.configurations,
            tokenizers: Set(
              canonical.attachments.keys.compactMap {
                $0.hasPrefix("tokenizer") ? $0.split(separator: "/").first.map(String.init) : nil
              }
            ).sorted(),
            stated: checkpoint.metadata["model_index"]?.objectValue ?? [:]
          ).json
      }
    }
    if request.container.contents == .model {
      // The digest of the source is made while the tensors are copied: both wait for the disk.
      let provenance = Provenance(of: checkpoint)
      destination.source = { try provenance.json }
    }
    let metadata = checkpoint.portableMetadata
    try request.container.write(
      tensors, metadata: metadata, to: destination, progress: progress)
    // A folder is new, so nothing of before is in it.
    let shards =
      request.container.writesShards && request.container.contents == .tensors
      ? ShardPlan(tensors.tensors, limit: request.shardBytes, path: request.output) : nil
    return ConversionReport(
      source: checkpoint.path, sourceFormat: checkpoint.format,
      detection: detection, output: request.output,
      container: request.container, layout: plan.layout, ledger: plan.ledger,
      opaqueValues: checkpoint.opaqueValues, safety: checkpoint.shownSafety,
      unreadTensors: checkpoint.metadata["unreadTensors"]?.objectValue ?? [:],
      byteCount: tensors.byteCount,
      overflows: cast?.overflows ?? [],
      files: shards?.indexPath.map { (shards?.paths ?? []) + [$0] } ?? [],
      leftovers: shards?.leftovers ?? [],
      droppedMetadata: request.container.keepsMetadata
        ? [] : metadata.keys.filter { $0 != "format" },
      kept: cast?.kept ?? [])
  }

  /// Which tensors go, under which names.
  private struct Plan {
    var tensors: MappedTensors
    let ledger: Ledger
    let layout: Layout?

    init(_ source: any TensorSource, by ledger: Ledger, layout: Layout?) {
      tensors = MappedTensors(source, by: ledger)
      self.ledger = ledger
      self.layout = layout
    }
  }

  private func plan() throws -> Plan {
    if let type = request.elementType, !type.isEncodable {
      throw ConversionError(
        path: request.output,
        problem: "cannot cast to \(type), expected one of \(ElementType.castTargets)")
    }
    guard request.shardBytes == nil || request.container.writesShards else {
      let able = ContainerFormat.sharded.map(\.rawValue).joined(separator: " or ")
      throw ConversionError(
        path: request.output,
        problem: "\(request.container.rawValue) is one file and has no shards, expected \(able)")
    }
    let source: any TensorSource =
      (checkpoint.source as? IngotReader).map(CheckedIngot.init) ?? checkpoint.source
    let reading: LayoutReading
    switch model.reading {
    case .success(let known): reading = known
    case .failure(let error):
      guard error.isAboutFamily, !needsNames else { throw error }
      return Plan(source, by: .keeping(source.tensors), layout: nil)
    }
    try reading.requireWhole(origin: checkpoint.path)
    let layout = try targetLayout(of: reading)
    if layout == reading.detection.layout, checkpoint.format.contents == .tensors,
      request.container.contents == .tensors
    {
      return Plan(source, by: .keeping(source.tensors), layout: layout)
    }
    let isFolder = request.container.contents == .components
    let ledger = reading.ledger.followed(
      by: try LayoutReading.ledger(
        writing: reading.ledger.targets.map(\.description), as: layout,
        of: reading.detection.family, isFolder: isFolder))
    var plan = Plan(source, by: ledger, layout: layout)
    if isFolder { plan.tensors = plan.tensors.byComponent }
    return plan
  }

  /// Whether the result cannot be written without knowing what the tensors are. An ingot can: it
  /// keeps the names then.
  private var needsNames: Bool {
    request.container.contents == .components || request.layout != nil
  }

  private func targetLayout(of reading: LayoutReading) throws(ConversionError) -> Layout {
    switch request.container.contents {
    case .model, .components:
      if let layout = request.layout, layout != .diffusers {
        throw ConversionError(
          path: request.output,
          problem:
            "layout \(layout.rawValue), but \(request.container.rawValue) has diffusers' names"
        )
      }
      return .diffusers
    case .tensors:
      // One file for all components is what LDM's names are for.
      return request.layout
        ?? (checkpoint.format.contents == .tensors ? reading.detection.layout : .ldm)
    }
  }
}
