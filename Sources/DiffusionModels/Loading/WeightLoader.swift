internal import KeyLayouts
public import Numerics
public import TensorCore

/// A weight that a model needs is not there or has another shape.
public struct ModelError: DescribedError, Hashable {
  /// The model, as the user named it.
  public let origin: String
  /// The canonical name of the tensor.
  public let tensor: String
  /// The shape that the configuration asks for.
  public let expected: [Int]
  /// The shape that stands in the file, or `nil` when the tensor is missing.
  public let found: [Int]?

  /// The line shown to people.
  public var description: String {
    guard let found else {
      return "\(origin): tensor '\(tensor)' is missing, expected \(expected)"
    }
    return "\(origin): tensor '\(tensor)' is \(found), expected \(expected)\(cause(found))"
  }

  private func cause(_ found: [Int]) -> String {
    if tensor == "unet.conv_in.weight", found.count == 4, found[0] == expected[0] {
      switch found[1] {
      case 9: return ": an inpainting U-Net?"
      case 8: return ": an instruct-pix2pix U-Net?"
      case 5: return ": a depth U-Net?"
      default: break
      }
    }
    if tensor.hasSuffix("attn2.to_k.weight"), found.count == 2, found[0] == expected[0] {
      return ": trained on a text encoder of width \(found[1])?"
    }
    if found.reduce(1, *) == expected.reduce(1, *) { return ": the same values in another layout?" }
    return ""
  }
}

/// Hands out a model's weights by name, each with the shape it must have: loading is checking.
struct WeightLoader {
  private let model: CanonicalModel
  private let indices: [String: Int]
  private let prefix: String

  init(_ model: CanonicalModel, component: String) {
    self.model = model
    var indices: [String: Int] = [:]
    for (index, tensor) in model.tensors.tensors.enumerated()
    where tensor.name.hasPrefix(component + ".") {
      indices[tensor.name] = index
    }
    self.indices = indices
    prefix = component
  }

  private init(_ parent: WeightLoader, module: String) {
    model = parent.model
    indices = parent.indices
    prefix = "\(parent.prefix).\(module)"
  }

  /// The loader of a submodule: `down_blocks.0.resnets.1`.
  subscript(module: String) -> WeightLoader { WeightLoader(self, module: module) }

  func weight(_ name: String, _ shape: [Int]) throws -> Weight {
    let key = "\(prefix).\(name)"
    guard let index = indices[key] else {
      throw ModelError(origin: model.origin, tensor: key, expected: shape, found: nil)
    }
    let view = try model.tensors.tensor(at: index)
    guard view.shape.dimensions == shape else {
      throw ModelError(
        origin: model.origin, tensor: key, expected: shape, found: view.shape.dimensions)
    }
    do {
      return try Weight(view)
    } catch {
      throw WeightError(name: key, elementType: view.elementType, origin: model.origin)
    }
  }
}

/// What a traced forward pass reports: diffusers' path of a module and the module's output.
public typealias Trace = (_ module: String, _ output: Tensor) -> Void
