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
  /// The most bytes of tensors in one file; all of them by default.
  public var shardBytes: Int?
  /// The program and version that an ingot names as its writer.
  public var tool: String

  /// Describes a conversion.
  public init(
    output: String, container: ContainerFormat, layout: Layout? = nil,
    elementType: ElementType? = nil, shardBytes: Int? = nil, tool: String = "assay"
  ) {
    self.output = output
    self.container = container
    self.layout = layout
    self.elementType = elementType
    self.shardBytes = shardBytes
    self.tool = tool
  }
}

extension ContainerFormat {
  /// The container that a path's ending asks for: a path without one is a diffusers folder.
  ///
  /// - Throws: `ConversionError` for an ending that names no container.
  public static func named(byOutput path: String) throws(ConversionError) -> ContainerFormat {
    if let format = ContainerFormat(ofOutput: path) { return format }
    let endings = outputEndings.joined(separator: ", ")
    throw ConversionError(
      path: path,
      problem: "the ending names no container, expected one of \(endings), none for a diffusers "
        + "folder, or --to")
  }
}
