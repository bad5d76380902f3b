/// The name, element type and shape of one tensor.
public struct TensorDescription: Sendable, Hashable {
  /// The key under which the container holds the tensor.
  public var name: String
  /// How the elements are stored.
  public var elementType: ElementType
  /// The extents, outermost first.
  public var shape: TensorShape

  /// Describes a tensor.
  public init(name: String, elementType: ElementType, shape: TensorShape) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }
}

/// An ordered list of tensors whose bytes can be borrowed: the joint between containers on one
/// side and conversion, inspection and models on the other.
///
/// Every container reader conforms. Whatever the container does (compression, strides, big-endian
/// storage), a `TensorView` is contiguous, row-major and little-endian.
public protocol TensorSource: Sendable {
  /// The tensors, in the container's own order.
  var tensors: [TensorDescription] { get }

  /// The bytes of the tensor at an index of `tensors`.
  ///
  /// - Throws: the container's error when the bytes cannot be produced (a broken deflate stream,
  ///   a failed read).
  func tensor(at index: Int) throws -> TensorView
}

extension TensorSource {
  /// The bytes of all tensors.
  public var byteCount: Int { tensors.byteCount }
}

extension Sequence<TensorDescription> {
  /// The bytes of all tensors; the largest number there is when they are more.
  public var byteCount: Int {
    reduce(0) { sum, tensor in
      let count = tensor.elementType.byteCount(for: tensor.shape) ?? .max
      let (total, overflow) = sum.addingReportingOverflow(count)
      return overflow ? .max : total
    }
  }
}

/// A borrowed, contiguous, little-endian tensor: a description and a range of a shared storage.
public struct TensorView: Sendable {
  /// The tensor's name, element type and shape.
  public let description: TensorDescription
  /// The owner of the bytes; it lives as long as any view of it.
  public let storage: ByteStorage
  /// Where the tensor's bytes lie in `storage`.
  public let byteRange: Range<Int>

  /// Makes a view of bytes that the caller has checked.
  ///
  /// Traps when the range lies outside the storage or has not the length that element type and
  /// shape give: readers check both, with an error, before they make a view.
  public init(description: TensorDescription, storage: ByteStorage, byteRange: Range<Int>) {
    precondition(
      byteRange.lowerBound >= 0 && byteRange.upperBound <= storage.count,
      "view outside its storage")
    precondition(
      description.elementType.byteCount(for: description.shape) == byteRange.count,
      "view length does not fit its description")
    self.description = description
    self.storage = storage
    self.byteRange = byteRange
  }

  /// The key of the tensor.
  public var name: String { description.name }
  /// How the elements are stored.
  public var elementType: ElementType { description.elementType }
  /// The extents, outermost first.
  public var shape: TensorShape { description.shape }

  /// Lends the tensor's bytes.
  public func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withBytes(in: byteRange, body)
  }

  /// The same bytes under another description of equal length (another name, or a reshape).
  public func described(as description: TensorDescription) -> TensorView {
    TensorView(description: description, storage: storage, byteRange: byteRange)
  }
}
