public import TensorCore

/// A parameter read in place from its container.
///
/// Float32 is used where it lies in the mapping; the narrower types are widened when an operation
/// asks for them, so a model costs no memory beyond its file.
public struct Weight: Sendable {
  private let view: TensorView

  /// Wraps a tensor of a plain float type.
  ///
  /// - Throws: `WeightError` for any other element type.
  public init(_ view: TensorView) throws(WeightError) {
    guard view.elementType.isPlainFloat else {
      throw WeightError(name: view.name, elementType: view.elementType)
    }
    self.view = view
  }

  /// The extents, outermost first.
  public var shape: [Int] { view.shape.dimensions }
  /// The key in the container.
  public var name: String { view.name }

  /// Lends all elements as floats: in place where they are stored so, else widened into memory
  /// that lives as long as the call.
  public func withFloats<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try withFloats(in: 0..<view.shape.elementCount, body)
  }

  /// Lends a range of the elements, counted in row-major order, as floats.
  ///
  /// - Parameter onAllThreads: whether all threads widen; for callers that are not inside a parallel
  ///   loop themselves.
  package func withFloats<Result>(
    in range: Range<Int>, onAllThreads: Bool = false,
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try withBytes(of: range) { raw in
      let address = UInt(bitPattern: raw.baseAddress)
      if view.elementType == .float32, address % UInt(MemoryLayout<Float>.alignment) == 0 {
        return try body(raw.assumingMemoryBound(to: Float.self))
      }
      return try Scratch.withFloats(range.count) { scratch in
        widen(range, into: scratch, length: onAllThreads ? 1 << 16 : range.count)
        return try body(UnsafeBufferPointer(start: scratch, count: range.count))
      }
    }
  }

  /// Lends the weight as a matrix of `shape[0]` rows, widened on all threads panel by panel.
  ///
  /// - Parameters:
  ///   - elements: about how many a panel holds; it is whole rows, 16 at the least.
  ///   - body: takes the rows and the first element of the panel.
  func forEachPanel(
    of elements: Int, _ body: (_ rows: Range<Int>, _ panel: UnsafePointer<Float>) -> Void
  ) {
    let inner = view.shape.elementCount / shape[0]
    let length = max(16, elements / inner / 16 * 16)
    for first in stride(from: 0, to: shape[0], by: length) {
      let rows = first..<min(first + length, shape[0])
      let range = first * inner..<rows.upperBound * inner
      withFloats(in: range, onAllThreads: true) { widened in
        if let base = widened.baseAddress { body(rows, base) }
      }
    }
  }

  /// Adds a range of the elements to each of some rows that lie so many floats apart.
  func add(
    _ range: Range<Int>, toRows count: Int, of target: UnsafeMutablePointer<Float>, stride: Int
  ) {
    withFloats(in: range) { values in
      for row in 0..<count {
        let line = target + row * stride
        for index in 0..<values.count { line[index] += values[index] }
      }
    }
  }

  private func widen(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>, length: Int) {
    nonisolated(unsafe) let target = target
    Parallel.forEachRange(of: range.count, length: length) { part in
      let start = range.lowerBound + part.lowerBound
      withBytes(of: start..<start + part.count) { raw in
        ElementConversion.toFloats(
          raw.bytes, type: view.elementType,
          into: UnsafeMutableBufferPointer(start: target + part.lowerBound, count: part.count))
      }
    }
  }

  private func withBytes<Result>(
    of range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let width = view.elementType.blockBytes
    return try view.withBytes { bytes in
      try bytes.extracting(range.lowerBound * width..<range.upperBound * width)
        .withUnsafeBytes(body)
    }
  }
}

/// A tensor that cannot serve as a weight.
public struct WeightError: DescribedError, Hashable {
  /// The tensor's key.
  public let name: String
  /// Its element type.
  public let elementType: ElementType
  /// The model, as the user named it, where that is known.
  public let origin: String?

  /// Describes a tensor of a type that no operation reads.
  public init(name: String, elementType: ElementType, origin: String? = nil) {
    self.name = name
    self.elementType = elementType
    self.origin = origin
  }

  /// The line shown to people.
  public var description: String {
    (origin.map { "\($0): " } ?? "")
      + "tensor '\(name)' is \(elementType), expected f16, bf16, f32 or f64"
  }
}
