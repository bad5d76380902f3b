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
  private let found = Mutex<[Int: CastOverflow]>([:])

  /// The overflows in the order of the tensors.
  var overflows: [CastOverflow] {
    found.withLock { found in found.sorted { $0.key < $1.key }.map(\.value) }
  }

  /// Notes a tensor when more of its values are NaN or infinite behind the cast than before.
  func compare(_ source: TensorView, with cast: TensorView, at index: Int) {
    guard Self.isNarrower(cast.elementType, than: source.elementType) else { return }
    let after = Self.nonFiniteCount(of: cast)
    guard after > 0 else { return }
    let count = after - Self.nonFiniteCount(of: source)
    guard count > 0 else { return }
    let overflow = CastOverflow(tensor: cast.name, elementType: cast.elementType, count: count)
    found.withLock { $0[index] = overflow }
  }

  private static func isNarrower(_ target: ElementType, than source: ElementType) -> Bool {
    switch target {
    case .float16: source != .float16
    // The greatest values of f32 round to infinity in bf16.
    case .bfloat16: source == .float32 || source == .float64
    case .float32: source == .float64
    default: false
    }
  }

  private static func nonFiniteCount(of view: TensorView) -> Int {
    view.withBytes { TensorStatistics(of: $0, type: view.elementType)?.nonFiniteCount ?? 0 }
  }
}
