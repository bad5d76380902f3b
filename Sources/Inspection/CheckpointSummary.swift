public import Checkpoints
public import TensorCore

/// What a container holds, from its directory alone: no tensor is read.
public struct CheckpointSummary: Sendable {
  /// The tensors of one element type.
  public struct ElementTypeCount: Sendable, Hashable {
    /// How the elements are stored.
    public let elementType: ElementType
    /// The number of tensors.
    public let tensorCount: Int
    /// The number of elements in them.
    public let elementCount: Int
    /// The number of bytes they take.
    public let byteCount: Int
  }

  /// The container as it was opened.
  public let checkpoint: Checkpoint
  /// The element types in use, the one with most bytes first.
  public let elementTypes: [ElementTypeCount]

  /// Summarises an opened container.
  public init(of checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    let groups = Dictionary(grouping: checkpoint.source.tensors, by: \.elementType)
    elementTypes = groups.map { type, tensors in
      ElementTypeCount(
        elementType: type, tensorCount: tensors.count,
        elementCount: tensors.reduce(0) { $0 + $1.shape.elementCount },
        byteCount: tensors.reduce(0) { $0 + (type.byteCount(for: $1.shape) ?? 0) })
    }
    .sorted { ($0.byteCount, $1.elementType.rawValue) > ($1.byteCount, $0.elementType.rawValue) }
  }

  /// The number of elements of all tensors.
  public var elementCount: Int { elementTypes.reduce(0) { $0 + $1.elementCount } }
  /// The number of bytes of all tensors.
  public var byteCount: Int { elementTypes.reduce(0) { $0 + $1.byteCount } }

  /// The summary for machines.
  public var json: JSON {
    [
      "path": .string(checkpoint.path), "format": .string(checkpoint.format.rawValue),
      "tensor_count": .integer(checkpoint.source.tensors.count),
      "element_count": .integer(elementCount), "byte_count": .integer(byteCount),
      "element_types": .array(
        elementTypes.map { count in
          [
            "dtype": .string(count.elementType.name), "tensors": .integer(count.tensorCount),
            "elements": .integer(count.elementCount), "bytes": .integer(count.byteCount),
          ]
        }),
      "tensors": .array(
        checkpoint.source.tensors.map { tensor in
          [
            "name": .string(tensor.name), "dtype": .string(tensor.elementType.name),
            "shape": .array(tensor.shape.dimensions.map(JSON.integer)),
          ]
        }),
      "metadata": .object(checkpoint.metadata),
      "opaque_values": .array(
        checkpoint.opaqueValues.map { value in
          [
            "name": .string(value.qualifiedName), "offset": .integer(value.offset),
            "called": .bool(value.isCalled),
          ]
        }),
    ]
  }
}
