internal import Synchronization
public import TensorCore

/// A tensor with finite values that a cast made infinite, because its element type ends before
/// them: f16 at 65,504.
public struct CastOverflow: Sendable, Hashable {
  /// The tensor's name in the result.
  public let tensor: String
  /// The type that was cast to.
  public let elementType: ElementType
  /// The number of its values that became infinite.
  public let count: Int
}

/// What the casts of a conversion overflowed so far, by the tensor's place.
final class OverflowLog: Sendable {
  private struct Count {
    let tensor: TensorDescription
    /// Elements before this one have been looked at.
    var end = 0
    var overflowed = 0
  }

  private let found = Mutex<[Int: Count]>([:])

  /// The overflows in the order of the tensors.
  var overflows: [CastOverflow] {
    found.withLock { $0.sorted { $0.key < $1.key } }.map(\.value).filter { $0.overflowed > 0 }.map {
      CastOverflow(
        tensor: $0.tensor.name, elementType: $0.tensor.elementType, count: $0.overflowed)
    }
  }

  /// Counts the values that are NaN or infinite behind the cast and were not before. A run of
  /// elements that is cast again is not counted again.
  func compare(
    _ source: RawSpan, _ sourceType: ElementType, with cast: RawSpan, of target: TensorDescription,
    at place: Int, from elements: Range<Int>
  ) {
    let count = Self.overflows(source, sourceType, in: cast, target.elementType)
    add(count, of: target, at: place, from: elements)
  }

  /// How many values are NaN or infinite behind a cast and were not before.
  static func overflows(
    _ source: RawSpan, _ sourceType: ElementType, in cast: RawSpan, _ type: ElementType
  ) -> Int {
    guard isNarrower(type, than: sourceType) else { return 0 }
    let after = type.nonFiniteCount(in: cast)
    return after == 0 ? 0 : max(after - sourceType.nonFiniteCount(in: source), 0)
  }

  /// Takes note of overflows among some elements, unless these were looked at before.
  func add(_ count: Int, of target: TensorDescription, at place: Int, from elements: Range<Int>) {
    found.withLock { found in
      var entry = found[place] ?? Count(tensor: target)
      if elements.lowerBound == entry.end {
        entry.overflowed += count
        entry.end = elements.upperBound
      }
      found[place] = entry
    }
  }

  private static func isNarrower(_ target: ElementType, than source: ElementType) -> Bool {
    switch target {
    case .float16: source != .float16
    // The greatest values of f32 round to infinity in bf16.
    case .bfloat16: source == .float32 || source == .float64
    case .float32: source == .float64
    // A scale is a half float.
    default: target.isGGMLBlock && source != target
    }
  }
}
