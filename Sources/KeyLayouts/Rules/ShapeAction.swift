internal import TensorCore

/// What happens to a weight's shape on its way to another layout. The bytes never change.
public enum ShapeAction: Sendable, Hashable {
  /// The shape stays.
  case keep
  /// A 1×1 convolution's weight `[O, I, 1, 1]` becomes a matrix `[O, I]`; anything else stays.
  case convolutionToMatrix
  /// A matrix `[O, I]` becomes a 1×1 convolution's weight `[O, I, 1, 1]`; anything else stays.
  case matrixToConvolution

  /// The action that undoes this one.
  public var inverse: ShapeAction {
    switch self {
    case .keep: .keep
    case .convolutionToMatrix: .matrixToConvolution
    case .matrixToConvolution: .convolutionToMatrix
    }
  }

  /// The extents after the action.
  func apply(to dimensions: [Int]) -> [Int] {
    switch self {
    case .convolutionToMatrix where dimensions.count == 4 && dimensions.suffix(2) == [1, 1]:
      Array(dimensions.prefix(2))
    case .matrixToConvolution where dimensions.count == 2: dimensions + [1, 1]
    default: dimensions
    }
  }
}
