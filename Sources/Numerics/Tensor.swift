/// Float32 values in row-major order with the extents of each dimension.
///
/// A value type: copies share their elements until one of them is changed.
public struct Tensor: Sendable {
  /// The extents, outermost first.
  public private(set) var shape: [Int]
  /// The elements in row-major order.
  public private(set) var floats: [Float]

  /// Makes a tensor of given elements. Traps when their number does not fit the shape.
  public init(shape: [Int], values: [Float]) {
    precondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
    self.shape = shape
    floats = values
  }

  /// Makes a tensor of zeros.
  public init(zeros shape: [Int]) {
    self.init(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
  }

  /// Makes a tensor whose every element `fill` writes.
  package init(
    shape: [Int], filling fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    let count = shape.reduce(1, *)
    floats = try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      HugePages.advise(UnsafeMutableRawBufferPointer(buffer))
      try fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
    self.shape = shape
  }

  /// The number of elements.
  public var count: Int { floats.count }

  /// The product of all extents but the last: the rows of the matrix that `linear` sees.
  package var rows: Int { shape.dropLast().reduce(1, *) }

  /// The same elements under another shape. Traps when the counts differ.
  public func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape: shape, values: floats) }

  /// Lends the elements.
  public func withUnsafeBuffer<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try floats.withUnsafeBufferPointer(body)
  }

  /// Lends the elements for change; they are copied first when another tensor shares them.
  mutating func withUnsafeMutableBuffer<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try floats.withUnsafeMutableBufferPointer { try body($0) }
  }

  /// Tensors of equal trailing extents joined along the outermost dimension.
  public static func stacked(_ parts: [Tensor]) -> Tensor {
    precondition(
      Set(parts.map { Array($0.shape.dropFirst()) }).count == 1, "parts of different shapes")
    return Tensor(
      shape: [parts.reduce(0) { $0 + $1.shape[0] }] + parts[0].shape.dropFirst(),
      values: parts.flatMap(\.floats))
  }
}
