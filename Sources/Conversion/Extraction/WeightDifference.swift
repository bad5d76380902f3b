internal import TensorCore

/// The difference of two tensors of one shape as float32 values, row by row.
struct WeightDifference {
  /// `B − A`.
  private(set) var values: [Float]

  /// The sum of the squares.
  var energy: Double { Self.energy(of: values) }

  /// The sum of the squares of numbers.
  static func energy(of values: [Float]) -> Double {
    stride(from: 0, to: values.count, by: 4096).reduce(0) { sum, start in
      let part = values[start..<min(start + 4096, values.count)]
      return sum + Double(part.reduce(0) { $0 + $1 * $1 })
    }
  }

  /// Whether every value is finite.
  var isFinite: Bool { values.allSatisfy(\.isFinite) }

  /// - Returns: `nil` when the values of a type are unknown.
  init?(_ a: TensorView, _ b: TensorView) {
    guard a.elementType.isDecodable, b.elementType.isDecodable,
      a.shape.elementCount == b.shape.elementCount
    else { return nil }
    values = Self.decoded(b)
    let count = values.count
    let run = 1 << 16
    var other = [Float](repeating: 0, count: min(run, count))
    for start in stride(from: 0, to: count, by: run) {
      let length = min(run, count - start)
      Self.decode(a, start, length, into: &other)
      values.withUnsafeMutableBufferPointer { values in
        other.withUnsafeBufferPointer { other in
          for place in 0..<length { values[start + place] -= other[place] }
        }
      }
    }
  }

  private static func decoded(_ view: TensorView) -> [Float] {
    var values = [Float](repeating: 0, count: view.shape.elementCount)
    decode(view, 0, values.count, into: &values)
    return values
  }

  private static func decode(
    _ view: TensorView, _ start: Int, _ length: Int, into values: inout [Float]
  ) {
    let type = view.elementType
    let first = view.byteRange.lowerBound
    let range = first + type.byteCount(of: start)..<first + type.byteCount(of: start + length)
    values.withUnsafeMutableBytes { buffer in
      var target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(4 * length)]).mutableBytes
      view.storage.withBytes(in: range) {
        ElementConversion.convert($0, from: type, to: .float32, into: &target)
      }
    }
  }
}
