import Checkpoints
import Foundation
import KeyLayouts
import Numerics
import TensorCore

/// The random model of `Fixtures/models/make.py` and what diffusers computed with it.
struct TinyModel: Sendable {
  let model: CanonicalModel

  static let shared: TinyModel = {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/models/tiny.safetensors").path()
    do {
      let checkpoint = try Checkpoint.open(path: path)
      var configurations: [String: JSONObject] = [:]
      for component in ["unet", "vae", "text_encoder"] {
        let text = checkpoint.metadata[component]?.stringValue ?? "{}"
        configurations[component] = try JSON(parsing: text).objectValue
      }
      return TinyModel(
        model: CanonicalModel(
          tensors: checkpoint.source, configurations: configurations, attachments: [:],
          origin: "tiny"))
    } catch {
      preconditionFailure("the fixture cannot be read: \(error)")
    }
  }()

  func reference(_ name: String) throws -> Tensor {
    let view = try view(name)
    let floats = try Weight(view).withFloats { Array($0) }
    return Tensor(shape: view.shape.dimensions, values: floats)
  }

  func tokens() throws -> [[Int]] {
    let view = try view("tokens")
    let width = view.shape[1]
    return view.withBytes { bytes in
      (0..<view.shape[0]).map { row in
        (0..<width).map { Int(bytes.load(Int64.self, at: (row * width + $0) * 8) ?? -1) }
      }
    }
  }

  private func view(_ name: String) throws -> TensorView {
    let key = "reference.\(name)"
    guard let index = model.tensors.tensors.firstIndex(where: { $0.name == key }) else {
      throw FileError(.read, path: key)
    }
    return try model.tensors.tensor(at: index)
  }

  /// The model without a tensor, or with another shape for it.
  func damaged(_ name: String, shape: TensorShape?) -> CanonicalModel {
    var copy = model
    copy.tensors = DamagedSource(base: model.tensors, name: name, shape: shape)
    return copy
  }
}

/// A source in which one tensor is missing or reshaped.
private struct DamagedSource: TensorSource {
  let tensors: [TensorDescription]
  private let base: any TensorSource
  private let indices: [Int]

  init(base: any TensorSource, name: String, shape: TensorShape?) {
    self.base = base
    indices = base.tensors.indices.filter { shape != nil || base.tensors[$0].name != name }
    tensors = indices.map {
      var description = base.tensors[$0]
      if let shape, description.name == name { description.shape = shape }
      return description
    }
  }

  func tensor(at index: Int) throws -> TensorView {
    try base.tensor(at: indices[index]).described(as: tensors[index])
  }
}
