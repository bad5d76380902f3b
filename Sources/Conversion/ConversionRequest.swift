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
  /// The type that a component's floating tensors are cast to; `elementType` for all others.
  public var componentTypes: [Component: ElementType] = [:]
  /// The most bytes of tensors in one file; all of them by default.
  public var shardBytes: Int?
  /// What a folder's weights are called a variant in: `fp16`.
  public var variant: String?
  /// Which tensors the result holds.
  public var selection = TensorSelection()
  /// Whether a tensor that no rule knows is an error.
  public var isStrict = false
  /// Whether only what a model needs to draw is kept: no averages, optimizer or schedule.
  public var isPruned = false
  /// A file whose VAE takes the place of the model's own, or joins a model that has none.
  public var vaePath: String?
  /// What the result is to say beside what the source says.
  public var metadata = JSONObject()
  /// Whether a checkpoint without any tensors is converted all the same.
  public var allowsEmpty = false
  /// Whether the conversion is run back as well, and every tensor compared.
  public var isCertified = false
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

  /// The type that a component's floating tensors are cast to; `nil` for their own.
  func elementType(of component: Component?) -> ElementType? {
    component.flatMap { componentTypes[$0] } ?? elementType
  }

  /// Checks what can be known without the model.
  ///
  /// - Throws: `ConversionError` for a type that cannot be made, or for what the container has no
  ///   place for.
  func check() throws(ConversionError) {
    for type in [elementType].compactMap({ $0 }) + componentTypes.values where !type.isEncodable {
      throw ConversionError(
        path: output, problem: "cannot cast to \(type), expected one of \(ElementType.castTargets)")
    }
    guard shardBytes == nil || container.writesShards else {
      let able = ContainerFormat.sharded.map(\.rawValue).joined(separator: " or ")
      throw ConversionError(
        path: output,
        problem: "\(container.rawValue) is one file and has no shards, expected \(able)")
    }
    if let variant {
      guard container.contents == .components else {
        throw ConversionError(
          path: output,
          problem: "\(container.rawValue) has no variants, so nothing can be called \(variant)")
      }
      guard !variant.isEmpty,
        variant.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
      else {
        throw ConversionError(
          path: output, problem: "variant '\(variant)', expected letters and digits")
      }
    }
    guard metadata.isEmpty || container.keepsMetadata else {
      throw ConversionError(
        path: output, problem: "\(container.rawValue) has no place for metadata")
    }
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
