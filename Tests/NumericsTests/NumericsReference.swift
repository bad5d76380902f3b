import Checkpoints
import Foundation
import Numerics
import TensorCore

/// The cases that `Fixtures/numerics/make.py` recorded with torch in double precision.
struct NumericsReference: Sendable {
  let checkpoint: Checkpoint

  static let shared: NumericsReference = {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/numerics/reference.safetensors").path()
    do {
      return NumericsReference(checkpoint: try Checkpoint.open(path: path))
    } catch {
      preconditionFailure("the fixture cannot be read: \(error)")
    }
  }()

  /// The cases of one operation: `convolution.3x3`.
  static func cases(_ operation: String) -> [String] {
    shared.checkpoint.source.tensors.map(\.name)
      .filter { $0.hasPrefix(operation + ".") && $0.hasSuffix(".y") }
      .map { String($0.dropLast(2)) }
  }

  func view(_ name: String) throws -> TensorView {
    guard let index = checkpoint.source.tensors.firstIndex(where: { $0.name == name }) else {
      throw FileError(.read, path: name)
    }
    return try checkpoint.source.tensor(at: index)
  }

  func tensor(_ name: String) throws -> Tensor {
    let view = try view(name)
    let floats = try Weight(view).withFloats { Array($0) }
    return Tensor(shape: view.shape.dimensions, values: floats)
  }

  func weight(_ name: String) throws -> Weight { try Weight(try view(name)) }

  func parameters(_ name: String) throws -> JSON {
    try JSON(parsing: checkpoint.metadata[name]?.stringValue ?? "{}")
  }
}
