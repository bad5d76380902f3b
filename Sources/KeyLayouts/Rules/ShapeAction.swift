internal import TensorCore

/// What happens to a weight on its way to another layout.
public enum ShapeAction: Sendable, Hashable {
  /// The weight stays as it is.
  case keep
  /// A 1×1 convolution's weight `[O, I, 1, 1]` becomes a matrix `[O, I]`; anything else stays. The
  /// bytes stay.
  case convolutionToMatrix
  /// The same, but on the way back the matrix stays one: the layout has matrices there, and whoever
  /// wrote a convolution was mistaken.
  case correctedToMatrix
  /// A matrix `[O, I]` becomes a 1×1 convolution's weight `[O, I, 1, 1]`; anything else stays. The
  /// bytes stay.
  case matrixToConvolution
  /// A matrix `[O, I]` is transposed: `x · W` there is a linear layer here. Anything else stays.
  case transpose

  /// The action on the way back.
  public var inverse: ShapeAction {
    switch self {
    case .keep, .correctedToMatrix: .keep
    case .convolutionToMatrix: .matrixToConvolution
    case .matrixToConvolution: .convolutionToMatrix
    case .transpose: .transpose
    }
  }

  /// The extents after the action.
  func apply(to dimensions: [Int]) -> [Int] {
    switch self {
    case .convolutionToMatrix, .correctedToMatrix:
      dimensions.count == 4 && dimensions.suffix(2) == [1, 1]
        ? Array(dimensions.prefix(2)) : dimensions
    case .matrixToConvolution where dimensions.count == 2: dimensions + [1, 1]
    case .transpose where dimensions.count == 2: dimensions.reversed()
    default: dimensions
    }
  }

  /// The type of the elements after the action: a block's values cannot change places, so they are
  /// decoded.
  func apply(to type: ElementType, _ shape: TensorShape) -> ElementType {
    self == .transpose && shape.rank == 2 && type.isGGMLBlock ? .float32 : type
  }
}
