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
    switch request.container {
    case .ingot: try writeIngot(tensors, progress)
    case .safetensors:
      var metadata = checkpoint.portableMetadata
      // What torch's users expect to find there.
      if metadata["format"] == nil { metadata["format"] = "pt" }
      try Self.write(
        tensors, metadata: metadata, with: try SafetensorsWriter(path: request.output), progress)
    case .pytorch:
      try Self.write(
        tensors, metadata: checkpoint.portableMetadata.withoutOpaqueValues,
        with: try PyTorchWriter(path: request.output), progress)
    case .diffusers:
      let canonical = try model.model
      try Self.write(
        tensors, metadata: [:],
        with: try DiffusersFolderWriter(
          path: request.output,
          configurations: canonical.configurations.mapValues(Self.loadedInSinglePrecision),
          attachments: canonical.attachments), progress)
    }
    return ConversionReport(
      source: checkpoint.path, sourceFormat: checkpoint.format,
      detection: try? model.reading.get().detection, output: request.output,
      container: request.container, layout: plan.layout, ledger: plan.ledger,
      opaqueValues: checkpoint.opaqueValues, byteCount: Self.byteCount(tensors),
      overflows: cast?.overflows ?? [])
  }

  /// transformers loads a model in the type that its configuration states, diffusers in float32
  /// unless told: a half-precision text encoder would meet a float32 U-Net.
  private static func loadedInSinglePrecision(_ configuration: JSONObject) -> JSONObject {
    var configuration = configuration
    for field in ["torch_dtype", "dtype"] where configuration[field] != nil {
      configuration[field] = "float32"
    }
    return configuration
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
    if let type = request.elementType, !type.isPlainFloat {
      throw ConversionError(
        path: request.output, problem: "cannot cast to \(type), expected f32, f16, bf16 or f64")
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
    if layout == reading.detection.layout, checkpoint.format.isSingleFileOfTensors,
      request.container.isSingleFileOfTensors
    {
      return Plan(source, by: .keeping(source.tensors), layout: layout)
    }
    guard layout == .ldm else {
      var plan = Plan(source, by: reading.ledger, layout: layout)
      if request.container == .diffusers { plan.tensors = plan.tensors.byComponent }
      return plan
    }
    let ledger = reading.ledger.followed(
      by: try LayoutReading.ledger(writing: reading.ledger.mapped.map(\.target), as: .ldm))
    return Plan(source, by: ledger, layout: layout)
  }

  /// Whether the result cannot be written without knowing what the tensors are. An ingot can: it
  /// keeps the names then.
  private var needsNames: Bool { request.container == .diffusers || request.layout != nil }

  private func targetLayout(of reading: LayoutReading) throws(ConversionError) -> Layout {
    switch request.container {
    case .ingot, .diffusers:
      if let layout = request.layout, layout != .diffusers {
        throw ConversionError(
          path: request.output,
          problem:
            "layout \(layout.rawValue), but \(request.container.rawValue) has diffusers' names"
        )
      }
      return .diffusers
    case .safetensors, .pytorch:
      // One file for all components is what LDM's names are for.
      return request.layout
        ?? (checkpoint.format.isSingleFileOfTensors ? reading.detection.layout : .ldm)
    }
  }
}

extension Converter {
  /// An ingot carries the configurations, the tokenizer and where it came from.
  private func writeIngot(
    _ tensors: any TensorSource, _ progress: (Int, Int) throws -> Void
  ) throws {
    var metadata = checkpoint.portableMetadata
    var writer = try IngotWriter(path: request.output, tool: request.tool)
    if case .success = model.reading {
      let canonical = try model.model
      let configurations = canonical.configurations.sorted { $0.key < $1.key }
      metadata["components"] = .object(
        JSONObject(configurations.map { ($0.key, .object($0.value)) }))
      for (path, bytes) in canonical.attachments { try writer.attach(path, bytes: bytes) }
    }
    // The digest of the source is made while the tensors are copied: both wait for the disk.
    let provenance = Provenance(of: checkpoint)
    try Self.write(tensors, metadata: metadata, into: &writer, progress)
    writer.note("source", .object(try provenance.json))
    try writer.finish()
  }

  private static func write<Writer: CheckpointWriter & ~Copyable>(
    _ tensors: any TensorSource, metadata: JSONObject, with writer: consuming Writer,
    _ progress: (Int, Int) throws -> Void
  ) throws {
    var writer = writer
    try write(tensors, metadata: metadata, into: &writer, progress)
    try writer.finish()
  }

  private static func write<Writer: CheckpointWriter & ~Copyable>(
    _ tensors: any TensorSource, metadata: JSONObject, into writer: inout Writer,
    _ progress: (Int, Int) throws -> Void
  ) throws {
    try writer.begin(tensors: tensors.tensors, metadata: metadata)
    let total = byteCount(tensors)
    var done = 0
    for index in tensors.tensors.indices {
      let view = try tensors.tensor(at: index)
      try writer.append(view)
      // Copied: the mapping need not stay in memory.
      view.storage.advise(.dontNeed, range: view.byteRange)
      done += view.byteRange.count
      try progress(done, total)
    }
  }

  private static func byteCount(_ tensors: any TensorSource) -> Int {
    tensors.tensors.reduce(0) { $0 + ($1.elementType.byteCount(for: $1.shape) ?? 0) }
  }
}

extension ContainerFormat {
  /// Whether the container is one file that states names and tensors, and nothing about a model.
  var isSingleFileOfTensors: Bool { self == .pytorch || self == .safetensors }
}
