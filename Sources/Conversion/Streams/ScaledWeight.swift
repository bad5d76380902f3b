internal import Checkpoints
internal import KeyLayouts
package import TensorCore

/// A weight into which its scale is multiplied, as both are stored: what it was rounded through.
package struct ScaledWeight {
  /// The numbers as they are stored, of the whole weight.
  package let weight: TensorView
  /// The scale beside them.
  package let scale: TensorView
  /// The number of the first value that the tensor at hand has of the weight.
  private let first: Int
  /// Whether the tensor at hand has rows and columns exchanged.
  private let isTransposed: Bool
  private let scales: ScaleRuns

  /// The values of one of several equal parts, or of a transposed matrix.
  init?(
    _ weight: TensorView, by scale: TensorView, part: Int = 0, of count: Int = 1,
    isTransposed: Bool = false
  ) {
    self.isTransposed = isTransposed
    guard let scales = ScaleRuns(scale, of: weight.description) else { return nil }
    (self.weight, self.scale, self.scales) = (weight, scale, scales)
    first = weight.shape.elementCount / count * part
  }

  /// What was divided by a scale and rounded to the weight's type may have become bfloat16 before, and
  /// again by the division: each time a share of 2⁻⁸, together an eighth of what float8 rounds by.
  private static let slack: Float = 0x1p-7 + 0x1p-14

  private static let runElements = 1 << 16

  /// Whether the numbers are another tensor's, divided by the scale and rounded to the type that they
  /// are stored in: to nearest, those beyond the largest to that one.
  package func isRounded(from other: TensorView) -> Bool {
    let type = other.elementType
    guard let intervals = RoundingInterval.table(weight.elementType), type.isDecodable,
      first + other.shape.elementCount <= weight.shape.elementCount
    else { return false }
    let plain = isTransposed ? other.transposed(as: weight.description.retyped(type)) : other
    return allRuns(of: other.shape.elementCount) { range in
      let base = plain.byteRange.lowerBound
      let values = plain.storage.withBytes(
        in: base + type.byteCount(of: range.lowerBound)..<base
          + type.byteCount(of: range.upperBound)
      ) { ElementConversion.floats($0, type: type) }
      let (codes, scales) = stored(in: range)
      return values.indices.allSatisfy { place in
        let (value, scale) = (values[place], scales[place])
        return scale == 0 || !value.isFinite
          ? value == 0
          : intervals.holds(value / scale, code: codes[place], slack: Self.slack)
      }
    }
  }

  /// Whether both may be the same numbers, each divided by a scale of its own and rounded.
  package func isRounded(as other: ScaledWeight, count: Int) -> Bool {
    guard let intervals = RoundingInterval.table(weight.elementType),
      let others = RoundingInterval.table(other.weight.elementType),
      isTransposed == other.isTransposed,
      first + count <= weight.shape.elementCount,
      other.first + count <= other.weight.shape.elementCount
    else { return false }
    return allRuns(of: count) { range in
      let (codes, scales) = stored(in: range)
      let (otherCodes, otherScales) = other.stored(in: range)
      return codes.indices.allSatisfy { place in
        let a = intervals.range(of: codes[place], times: scales[place], slack: Self.slack)
        let b = others.range(of: otherCodes[place], times: otherScales[place], slack: Self.slack)
        return a.map { a in b.map { a.overlaps($0) } ?? false } ?? false
      }
    }
  }

  /// Whether a condition holds for all runs of so many numbers.
  private func allRuns(of count: Int, _ condition: (Range<Int>) -> Bool) -> Bool {
    stride(from: 0, to: count, by: Self.runElements).allSatisfy { start in
      condition(start..<min(start + Self.runElements, count))
    }
  }

  /// The stored codes of a run of the numbers at hand, and the scale of each.
  private func stored(in range: Range<Int>) -> (codes: [UInt8], scales: [Float]) {
    let elements = first + range.lowerBound..<first + range.upperBound
    let base = weight.byteRange.lowerBound
    let codes = weight.storage.array(in: base + elements.lowerBound..<base + elements.upperBound)
    var found: [Float] = []
    found.reserveCapacity(range.count)
    scales.forEachRun(in: elements) { run, scale in
      found.append(contentsOf: repeatElement(scale, count: run.count))
    }
    return (codes, found)
  }

  /// Whether two are stored in the same bytes, numbers and scales.
  package func isStored(as other: ScaledWeight) -> Bool {
    first == other.first && isTransposed == other.isTransposed && Self.isSame(weight, other.weight)
      && Self.isSame(scale, other.scale)
  }

  /// Whether two tensors hold the same; one value may be of any rank.
  private static func isSame(_ a: TensorView, _ b: TensorView) -> Bool {
    a.elementType == b.elementType && a.digest == b.digest
  }
}

extension TensorDescription {
  /// The same in another type.
  fileprivate func retyped(_ type: ElementType) -> TensorDescription {
    TensorDescription(name: name, elementType: type, shape: shape)
  }
}
