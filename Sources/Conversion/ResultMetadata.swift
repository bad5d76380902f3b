internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// What the result of a conversion says beside its tensors.
struct ResultMetadata {
  /// The metadata.
  var members: JSONObject
  /// The keys that the container has for itself, with the names that took their place.
  private(set) var renamed: [String: String] = [:]
  /// The fields of configurations that other programs would have to be told.
  private(set) var unsaid: [String] = []

  /// Takes over what the source says, as far as it is true of the result too, and adds what the
  /// result's tensors do not say.
  init(
    of model: ReadModel, _ plan: ConversionPlan, _ request: ConversionRequest,
    _ tensors: [TensorDescription]
  ) {
    let checkpoint = model.checkpoint
    let contents = request.container.contents
    members = checkpoint.portableMetadata
    // What was true of an earlier conversion says nothing of this one.
    members[RoundTripCertificate.key] = nil
    // What a trainer kept for itself is of no use to who draws.
    if request.isPruned { members["values"] = nil }
    if plan.ledger.appliesScales { members[StoredForms.accountKey] = nil }
    if !plan.keepsBytes(tensors, of: checkpoint) { members.removeWeightDigests() }
    if let reading = plan.reading {
      members[FamilyHint.key] = FamilyHint.note(
        of: reading.detection.family, beside: tensors
      ).map(JSON.string)
      members[CarriedConfiguration.key] = nil
      members[PipelineIndex.carriedKey] =
        contents == .tensors && plan.keptComponents.contains(.unet)
        ? PipelineIndex.carried(
          plan.pipeline, family: reading.detection.family, configurations: plan.configurations
        ).map(JSON.string) : nil
      let prediction = reading.prediction
      // A marker goes along and counts for more than the metadata, whatever they say.
      let isMarked = if case .marker = prediction.origin { true } else { false }
      if contents == .tensors, prediction.origin != .assumed,
        !isMarked || members["modelspec.prediction_type"] == nil,
        plan.keptComponents.contains(.unet), request.container.keepsMetadata
      {
        members["modelspec.prediction_type"] = .string(prediction.type.modelspecName)
      }
      let isNoted = plan.configurations["scheduler"] != nil && contents != .tensors
      members[Prediction.assumptionKey] =
        isNoted && prediction.origin == .assumed ? .string(prediction.type.rawValue) : nil
      if contents == .tensors {
        let carried = CarriedConfiguration(
          of: plan.configurations, beside: tensors, metadata: members)
        members[CarriedConfiguration.key] = carried.text.map(JSON.string)
        unsaid = carried.essentials
      }
    }
    renamed = members.add(request.metadata, for: request.container)
    if contents == .model, !plan.pipeline.isEmpty {
      members["model_index"] = .object(plan.pipeline)
    }
  }
}

extension JSONObject {
  /// Adds what the user wants said, and moves what the container would take for its own.
  ///
  /// - Returns: the keys that were moved, with the names that took their place.
  mutating func add(_ said: JSONObject, for container: ContainerFormat) -> [String: String] {
    var said = said
    var renamed: [String: String] = [:]
    func move(_ key: String, in object: inout JSONObject) {
      let name = ContainerFormat.keptPrefix + key
      object[name] = object[key]
      object[key] = nil
      renamed[key] = name
    }
    // Whose tensors they are is not the user's to say: readers load by it.
    if container == .safetensors, let value = said["format"],
      value != self["format"] ?? SafetensorsWriter.tensorFormat
    {
      move("format", in: &said)
    }
    for member in said.members { self[member.key] = member.value }
    for member in members where container.reserves(member.key, member.value) {
      move(member.key, in: &self)
    }
    return renamed
  }
}

extension JSONObject {
  /// Takes out the digests of all tensors' bytes that trainers and tools write: of other bytes they
  /// are untrue.
  mutating func removeWeightDigests() {
    for key in ["modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash"] { self[key] = nil }
  }
}

extension ConversionPlan {
  /// Whether the result has the source's tensors in the source's order, and none other.
  fileprivate func keepsBytes(_ tensors: [TensorDescription], of checkpoint: Checkpoint) -> Bool {
    tensors == checkpoint.source.tensors && keepsNames
  }
}
