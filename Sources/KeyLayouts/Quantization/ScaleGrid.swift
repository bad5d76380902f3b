public import TensorCore

/// How the values of a scale lie over its weight: as a grid of equal blocks.
public struct ScaleGrid: Sendable, Hashable {
  /// The rows of the weight, its first extent.
  public let rows: Int
  /// The numbers in a row.
  public let columns: Int
  /// The rows that one value is for.
  public let blockRows: Int
  /// The numbers in a row that one value is for.
  public let blockColumns: Int

  /// Finds the grid: one value, `[O]` or `[O, 1, …]` for rows, `[a, b]` for blocks. `nil` where the
  /// shapes do not fit, or the scale is of no floating type.
  public init?(_ scale: TensorDescription, of weight: TensorDescription) {
    guard scale.elementType.isPlainFloat || scale.elementType == .float8E8M0FNU else { return nil }
    let count = weight.shape.elementCount
    let rows = weight.shape.dimensions.first ?? 1
    let columns = rows == 0 ? 0 : count / rows
    self.rows = rows
    self.columns = columns
    let extents = scale.shape.dimensions
    if scale.shape.elementCount == 1 {
      (blockRows, blockColumns) = (max(rows, 1), max(columns, 1))
    } else if extents.first == rows, scale.shape.elementCount == rows, rows > 0 {
      (blockRows, blockColumns) = (1, max(columns, 1))
    } else if extents.count == 2, extents.allSatisfy({ $0 > 0 }), rows % extents[0] == 0,
      columns % extents[1] == 0, count > 0
    {
      (blockRows, blockColumns) = (rows / extents[0], columns / extents[1])
    } else {
      return nil
    }
  }
}
