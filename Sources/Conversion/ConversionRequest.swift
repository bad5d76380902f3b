public import Checkpoints
public import KeyLayouts
public import TensorCore

/// What to make of a model.
public struct ConversionRequest: Sendable, Hashable {
  /// Where the result goes.
  public var output: String
  /// The container of the result.
  public var container: ContainerFormat
  /// The names of the result; what the container and the source imply by default.
  public var layout: Layout?
  /// The type that floating tensors are cast to; their own by default.
  public var elementType: ElementType?
  /// The program and version that an ingot names as its writer.
  public var tool: String

  /// Describes a conversion.
  public init(
    output: String, container: ContainerFormat, layout: Layout? = nil,
    elementType: ElementType? = nil, tool: String = "assay"
  ) {
    self.output = output
    self.container = container
    self.layout = layout
    self.elementType = elementType
    self.tool = tool
  }
}

extension ContainerFormat {
  /// The container that a path's ending asks for: a path without one is a diffusers folder.
  ///
  /// - Throws: `ConversionError` for an ending that names no container.
  public init(ofOutput path: String) throws(ConversionError) {
    let name = path.split(separator: "/").last.map { String($0) } ?? path
    guard !path.hasSuffix("/"), let dot = name.lastIndex(of: "."), dot != name.startIndex else {
      self = .diffusers
      return
    }
    switch name[name.index(after: dot)...].lowercased() {
    case "ingot": self = .ingot
    case "safetensors", "sft": self = .safetensors
    case "ckpt", "pt", "pth", "bin": self = .pytorch
    default:
      throw ConversionError(
        path: path,
        problem: "the ending names no container, expected .ingot, .safetensors, .ckpt, .pt, .pth "
          + "or .bin, none for a diffusers folder, or --to")
    }
  }
}
