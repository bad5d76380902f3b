/// The extents of a tensor, outermost first: `[320, 4, 3, 3]`. The empty shape is a scalar.
///
/// A shape whose element count does not fit in `Int` cannot be made, so code that holds one need
/// not check again.
public struct TensorShape: Sendable, Hashable {
  /// The extents, outermost first. All are zero or positive.
  public let dimensions: [Int]

  /// The product of the extents; 1 for a scalar.
  public let elementCount: Int

  /// Makes a shape from extents that come from a file; `nil` when one is negative or their
  /// product overflows.
  public init?(checking dimensions: [Int]) {
    // The product of the non-zero extents must fit too: readers compute strides from them.
    var product = 1
    var isEmpty = false
    for extent in dimensions {
      guard extent >= 0 else { return nil }
      if extent == 0 {
        isEmpty = true
        continue
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      product = next
    }
    self.dimensions = dimensions
    self.elementCount = isEmpty ? 0 : product
  }

  /// Makes a shape from extents that the program itself computed; traps when they are not valid.
  public init(_ dimensions: [Int]) {
    guard let shape = TensorShape(checking: dimensions) else {
      preconditionFailure("not a valid shape: \(dimensions)")
    }
    self = shape
  }

  /// The number of dimensions.
  public var rank: Int { dimensions.count }

  /// The innermost extent, or `nil` for a scalar.
  public var last: Int? { dimensions.last }

  /// The extent of one dimension.
  public subscript(dimension: Int) -> Int { dimensions[dimension] }

  /// The strides, in elements, of a contiguous row-major tensor of this shape.
  public var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for dimension in stride(from: rank - 2, through: 0, by: -1) {
      strides[dimension] = strides[dimension + 1] * max(dimensions[dimension + 1], 1)
    }
    return strides
  }
}

extension TensorShape: ExpressibleByArrayLiteral {
  /// Makes a shape from literal extents.
  public init(arrayLiteral elements: Int...) { self.init(elements) }
}

extension TensorShape: CustomStringConvertible {
  /// The extents as people write them: `[320, 4, 3, 3]`.
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}
