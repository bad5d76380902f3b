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
  /// A model of a known family must be whole, or as much of it as is asked for. Where neither the
  /// layout nor the container asks for other names, every tensor is kept under its own.
  ///
  /// - Parameter progress: called with the bytes written so far and in all.
  /// - Throws: `LayoutError` when a tensor is missing or misshapen, or the family is unknown and
  ///   the result needs one; `ConversionError` when the request makes no sense; the errors of
  ///   readers and writers.
  public func run(
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> ConversionReport {
    try request.check()
    try requireTensors()
    let plan = try ConversionPlan(model, request)
    var mapped = MappedTensors(plan.source, by: plan.ledger)
    if request.container.contents == .components { mapped = mapped.byComponent }
    let types = mapped.targets.map { request.elementType(of: plan.component(of: $0)) }
    let cast = types.contains { $0 != nil } ? CastTensors(mapped, to: types) : nil
    let values: any TensorSource = cast ?? mapped
    let markers = markers(plan, present: values.tensors)
    let tensors: any TensorSource =
      markers.tensors.isEmpty ? values : JoinedTensors(values, markers)
    var metadata = ResultMetadata(of: model, plan, request, tensors.tensors)
    let certificate =
      request.isCertified ? try RoundTrip(plan, values, of: checkpoint.path).certificate() : nil
    if let certificate {
      metadata.members[RoundTripCertificate.key] = .string(certificate.json.text())
    }
    try request.container.write(
      tensors, metadata: metadata.members, to: try destination(plan), progress: progress)
    // A folder is new, so nothing of before is in it.
    let shards =
      request.container.writesShards && request.container.contents == .tensors
      ? ShardPlan(tensors.tensors, limit: request.shardBytes, path: request.output) : nil
    if request.isCertified {
      try WrittenFile(shards?.indexPath ?? request.output).compare(with: tensors)
    }
    return ConversionReport(
      source: checkpoint.path, sourceFormat: checkpoint.format,
      detection: plan.reading?.detection,
      recognised: model.recognisedTitle,
      output: request.output,
      container: request.container, layout: plan.layout,
      ledger: model.account(plan.ledger),
      opaqueValues: checkpoint.opaqueValues, safety: checkpoint.shownSafety,
      unreadTensors: checkpoint.metadata["unreadTensors"]?.objectValue ?? [:],
      byteCount: tensors.byteCount,
      overflows: cast?.overflows ?? [],
      files: shards?.indexPath.map { (shards?.paths ?? []) + [$0] } ?? [],
      leftovers: shards?.leftovers ?? [],
      droppedMetadata: request.container.keepsMetadata
        ? [] : metadata.members.keys.filter { $0 != "format" },
      renamedMetadata: metadata.renamed, unsaidFields: metadata.unsaid,
      keptUnexplained: plan.keptUnexplained, remarks: plan.reading?.remarks ?? [],
      kept: cast?.kept ?? [],
      prediction: plan.keptComponents.contains(.unet) ? plan.reading?.prediction : nil,
      markers: markers.tensors.map(\.name),
      nearest: plan.reading?.nearestToUnexplained ?? [:],
      idleRenames: model.idleRenames, certificate: certificate)
  }

  /// A result without tensors is hardly ever what is meant: the weights were elsewhere, or in a form
  /// that cannot be read.
  private func requireTensors() throws(ConversionError) {
    guard let problem = checkpoint.emptiness, !request.allowsEmpty else { return }
    throw ConversionError(
      path: checkpoint.path, problem: problem + "; --allow-empty converts it all the same")
  }

  private func markers(_ plan: ConversionPlan, present: [TensorDescription]) -> MarkerTensors {
    guard let reading = plan.reading, request.container.contents == .tensors,
      request.container != .gguf, plan.keptComponents.contains(.unet)
    else { return MarkerTensors() }
    // The usual interfaces look for markers in SDXL's single files; where metadata have no place
    // they are all there is.
    let isWanted =
      plan.layout == .ldm && reading.detection.family == .stableDiffusionXL
      || !request.container.keepsMetadata
    return isWanted
      ? MarkerTensors(for: reading.prediction, plan.configurations, present: present)
      : MarkerTensors()
  }

  private func destination(_ plan: ConversionPlan) throws -> Destination {
    var destination = Destination(
      path: request.output, tool: request.tool,
      family: plan.reading?.detection.family.rawValue, shardBytes: request.shardBytes,
      variant: request.variant)
    if request.container.contents != .tensors {
      destination.configurations = plan.configurations
      destination.attachments = plan.attachments
    }
    if request.container.contents == .components, plan.reading == nil {
      // The folder of a family without a table: its own index, which came with it.
      destination.modelIndex = checkpoint.metadata["model_index"]?.objectValue
    }
    if request.container.contents == .components, let family = plan.reading?.detection.family {
      let components = plan.keptComponents
      if components.count == 1 {
        // A folder of one component is what its class saves: no scheduler, no tokenizer.
        destination.configurations = plan.configurations.filter {
          $0.key == components[0].rawValue
        }
        destination.attachments = [:]
      } else {
        destination.modelIndex =
          PipelineIndex(
            family: family, configurations: plan.configurations,
            attachments: Array(plan.attachments.keys),
            stated: plan.pipeline
          ).json
      }
    }
    if request.container.contents == .model {
      // The digest of the source is made while the tensors are copied: both wait for the disk.
      let provenance = Provenance(of: checkpoint)
      destination.source = { try provenance.json }
    }
    return destination
  }
}

extension Checkpoint {
  /// That there are no tensors, and why; `nil` where there are.
  var emptiness: String? {
    guard source.tensors.isEmpty else { return nil }
    guard let unread = metadata["unreadTensors"]?.objectValue?.members.first else {
      return "has no tensors"
    }
    return
      "has no tensors that can be read, first '\(unread.key)': \(unread.value.stringValue ?? "")"
  }
}
