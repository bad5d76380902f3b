internal import Checkpoints
internal import Foundation
public import KeyLayouts
public import TensorCore

/// The random, complete model of `Fixtures/models/make_pipeline.py`.
public struct PipelineModel: Sendable {
  /// `Fixtures/models/pipeline.safetensors`: the model and, beside it, what diffusers drew.
  public static let path = folder.appending(path: "pipeline.safetensors")
    .path(percentEncoded: false)
  /// What `capture_reference.py` recorded of it.
  public static let reference = folder.appending(path: "pipeline-reference.safetensors")
    .path(percentEncoded: false)

  /// The model, with the recorded tensors beside the weights.
  public let model: CanonicalModel
  /// The strings of the file's metadata.
  public let metadata: JSONObject

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/models").standardized

  /// Reads the file.
  public init() throws {
    let checkpoint = try Checkpoint.open(path: Self.path)
    metadata = checkpoint.metadata
    var configurations: [String: JSONObject] = [:]
    for component in ["unet", "vae", "text_encoder", "scheduler"] {
      let text = checkpoint.metadata[component]?.stringValue ?? ""
      configurations[component] = try JSON(parsing: text).objectValue
    }
    model = CanonicalModel(
      tensors: checkpoint.source, configurations: configurations,
      attachments: try TokenizerFixture.attachments(merges: 1000), origin: "small")
  }
}

extension CanonicalModel {
  /// The model with other bytes in one tensor.
  public func editing(_ name: String, _ edit: (inout [UInt8]) -> Void) throws -> CanonicalModel {
    var copy = self
    copy.tensors = try EditedTensors(tensors, name, edit)
    return copy
  }
}

/// Tensors one of which holds other bytes than the original.
private struct EditedTensors: TensorSource {
  private let original: any TensorSource
  private let place: Int
  private let edited: TensorView

  init(_ original: any TensorSource, _ name: String, _ edit: (inout [UInt8]) -> Void) throws {
    self.original = original
    guard let place = original.tensors.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("the fixture has no '\(name)'")
    }
    self.place = place
    let view = try original.tensor(at: place)
    var bytes = view.withBytes { span in span.withUnsafeBytes { Array($0) } }
    edit(&bytes)
    edited = TensorView(
      description: view.description, storage: ByteStorage(copying: bytes.span.bytes),
      byteRange: 0..<bytes.count)
  }

  var tensors: [TensorDescription] { original.tensors }

  func tensor(at index: Int) throws -> TensorView {
    index == place ? edited : try original.tensor(at: index)
  }
}
