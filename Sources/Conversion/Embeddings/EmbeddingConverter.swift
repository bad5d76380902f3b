public import Checkpoints
internal import Foundation
internal import KeyLayouts
internal import TensorCore

/// Converts a textual inversion from one form to another.
public struct EmbeddingConverter: Sendable {
  private let checkpoint: Checkpoint
  private let file: EmbeddingFile
  private let request: EmbeddingRequest

  /// Prepares a conversion; `nil` when the file is no textual inversion for certain and nothing in
  /// the request insists that it be one.
  ///
  /// - Throws: `ConversionError` when the request insists, and the file holds no embedding.
  public init?(_ checkpoint: Checkpoint, _ request: EmbeddingRequest) throws(ConversionError) {
    let tensors = checkpoint.source.tensors
    let whole = EmbeddingFile(of: tensors, metadata: checkpoint.portableMetadata)
    let holds = request.container == .safetensors || request.container == .pytorch
    self.checkpoint = checkpoint
    self.request = request
    guard request.isExplicit else {
      guard let whole, whole.isCertain, holds else { return nil }
      file = whole
      return
    }
    guard holds else {
      throw ConversionError(
        path: request.output,
        problem: "\(request.container.rawValue) has no form of a textual inversion, expected "
          + "safetensors or pytorch")
    }
    guard let found = whole ?? .bundled(in: tensors) else {
      throw ConversionError(
        path: checkpoint.path, problem: "holds no textual inversion" + Self.hint(tensors))
    }
    file = found
  }

  private static func hint(_ tensors: [TensorDescription]) -> String {
    tensors.first.map { ": first tensor '\($0.name)' (\($0.elementType) \($0.shape))" } ?? ""
  }

  /// Writes the result, which appears whole or not at all.
  ///
  /// - Throws: `ConversionError` when there are several embeddings or encoders to choose from, or
  ///   the form has no place for the vectors; the errors of readers and writers.
  public func run() throws -> EmbeddingReport {
    let (embedding, token) = try choice()
    let form = request.form ?? defaultForm(of: embedding)
    let parts = try parts(of: embedding, in: form)
    let names = try parts.map { try name($0, token: token ?? fileToken, form) }
    let source = EmbeddingTensors(checkpoint.source, parts, named: names)
    let cast = request.elementType.map { CastTensors(source, to: $0) }
    let tensors: any TensorSource = cast ?? source
    let used = Set(parts.map(\.index))
    let unused = file.embeddings.flatMap(\.parts).map(\.index).filter { !used.contains($0) }
    let all = checkpoint.source.tensors
    if request.isStrict, let first = file.others.first {
      throw ConversionError(
        path: checkpoint.path, problem: "tensor '\(first)' is no part of the textual inversion")
    }
    let (dropped, renamed) = try write(tensors, token: token ?? fileToken, form)
    return EmbeddingReport(
      source: checkpoint.path, sourceForm: file.form, output: request.output,
      container: request.container, form: form, token: token ?? fileToken,
      isTokenFromFile: token == nil,
      parts: zip(parts, tensors.tensors).map { part, target in
        EmbeddingReport.Part(
          source: all[part.index].name, target: target, fitting: part.fitting)
      },
      leftBehind: unused.map { all[$0].name } + file.others,
      droppedMetadata: dropped, overflows: cast?.overflows ?? [], renamedMetadata: renamed)
  }

  /// What interfaces call an embedding whose file gives no token: the file's name.
  private var fileToken: String {
    URL(filePath: checkpoint.path).deletingPathExtension().lastPathComponent
  }

  /// The embedding to convert and its token, if anybody says one.
  private func choice() throws(ConversionError) -> (Embedding, token: String?) {
    if let token = request.token,
      let match = file.embeddings.first(where: { $0.token == token })
    {
      return (match, token)
    }
    guard file.embeddings.count == 1 else {
      let tokens = file.embeddings.map { "'\($0.token ?? "*")'" }.joined(separator: ", ")
      throw ConversionError(
        path: checkpoint.path,
        problem: "holds \(file.embeddings.count) embeddings (\(tokens)), a file has one: choose "
          + "with --token")
    }
    return (file.embeddings[0], request.token ?? file.embeddings[0].token)
  }

  /// Files by encoder stay so; otherwise the ending tells whose reader is meant.
  private func defaultForm(of embedding: Embedding) -> EmbeddingForm {
    if embedding.parts.contains(where: { $0.label != nil }), request.encoder == nil {
      return .sdxl
    }
    let isDiffusers = request.container == .safetensors || request.output.hasSuffix(".bin")
    return isDiffusers ? .diffusers : .a1111
  }

  /// The vectors that the form has a place for.
  private func parts(
    of embedding: Embedding, in form: EmbeddingForm
  ) throws(ConversionError) -> [Embedding.Part] {
    var parts = embedding.parts
    if let encoder = request.encoder, parts.contains(where: { $0.label != nil }) {
      parts = parts.filter { $0.label == encoder }
      guard !parts.isEmpty else {
        throw ConversionError(
          path: checkpoint.path, problem: "holds no vectors for \(encoder.rawValue)")
      }
    }
    if form != .sdxl, parts.count > 1 {
      let encoders = parts.compactMap(\.label?.rawValue).joined(separator: ", ")
      throw ConversionError(
        path: checkpoint.path,
        problem: "holds vectors for several text encoders (\(encoders)), the \(form.title) has "
          + "one: choose with --encoder")
    }
    return parts
  }

  /// The name of a part's tensor, as safetensors has it.
  private func name(
    _ part: Embedding.Part, token: String, _ form: EmbeddingForm
  ) throws(ConversionError) -> String {
    switch form {
    case .diffusers: return token
    case .sdxl:
      if let label = part.label ?? request.encoder { return label.rawValue }
      switch part.encoder {
      case let encoder? where encoder != .clipH: return encoder.rawValue
      case let other:
        throw ConversionError(
          path: checkpoint.path,
          problem: "the vectors are \(part.width) wide"
            + (other.map { ", those of \($0.title)" } ?? ", which tells no text encoder")
            + "; SDXL's are 768 and 1280 wide: choose with --encoder")
      }
    default: return request.container == .pytorch ? "string_to_param.*" : "emb_params"
    }
  }

  /// Writes the tensors and returns the keys of metadata that found no place, and those that found
  /// one under another name.
  private func write(
    _ tensors: any TensorSource, token: String, _ form: EmbeddingForm
  ) throws -> (dropped: [String], renamed: [String: String]) {
    guard request.metadata.isEmpty || request.container == .safetensors || form == .a1111 else {
      throw ConversionError(
        path: request.output, problem: "the \(form.title) has no place for metadata in a pickle")
    }
    var metadata = checkpoint.portableMetadata.withoutOpaqueValues
    var values = metadata["values"]?.objectValue ?? [:]
    for key in ["string_to_token", "string_to_param"] { values[key] = nil }
    values["name"] = form == .diffusers ? nil : .string(token)
    if request.container == .safetensors {
      metadata["values"] = values.isEmpty ? nil : .object(values)
      let renamed = metadata.add(request.metadata, for: request.container)
      try request.container.write(
        tensors, metadata: metadata, to: Destination(path: request.output))
      return ([], renamed)
    }
    // As other pickles, beside the tensors.
    if !request.metadata.isEmpty { values["metadata"] = .object(request.metadata) }
    try PyTorchWriter.write(
      tree(tensors.tensors, values, form), of: tensors, to: request.output)
    metadata["values"] = nil
    values["name"] = nil
    return (metadata.keys.filter { $0 != "format" } + (form == .a1111 ? [] : values.keys), [:])
  }

  /// What `torch.save` would be given.
  private func tree(
    _ tensors: [TensorDescription], _ values: JSONObject, _ form: EmbeddingForm
  ) -> TorchTree {
    guard form == .a1111 else {
      return .dictionary(tensors.enumerated().map { ($1.name, .tensor($0)) })
    }
    // 265 is CLIP's number for `*`, which the webui writes whatever the token.
    let token: TorchTree = .value(["*": 265])
    return .dictionary(
      [("string_to_token", token), ("string_to_param", .dictionary([("*", .tensor(0))]))]
        + values.members.map { ($0.key, .value($0.value)) })
  }
}
