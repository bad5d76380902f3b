internal import TensorCore

/// The difference of two matrices of numbers, from which parts are read when they are asked for.
final class MatrixDifference {
  let a: TensorView
  let b: TensorView
  /// The bytes of both that were read so far.
  private(set) var readBytes = 0
  /// The numbers in a row.
  let width: Int

  init(a: TensorView, b: TensorView, width: Int) { (self.a, self.b, self.width) = (a, b, width) }

  /// Fills a panel row by row with `b − a`; zero where one of them is not finite.
  ///
  /// - Parameters:
  ///   - rows: the rows of the matrix.
  ///   - columns: the columns, ascending.
  func fill(
    _ panel: UnsafeMutableBufferPointer<Double>, _ rows: [Int], _ columns: [Int]
  ) {
    guard let first = columns.first, let last = columns.last else { return }
    var place = 0
    for row in rows {
      let range = row * width + first..<row * width + last + 1
      let (x, y) = (numbers(of: a, range), numbers(of: b, range))
      for column in columns {
        let (left, right) = (x.startIndex + column - first, y.startIndex + column - first)
        let difference = y[right] - x[left]
        panel[place] = difference.isFinite ? difference : 0
        place += 1
      }
    }
  }
}

extension MatrixDifference {
  /// The numbers of a run of elements of one of the matrices.
  fileprivate func numbers(of matrix: TensorView, _ elements: Range<Int>) -> ArraySlice<Double> {
    readBytes += matrix.elementType.byteCount(of: elements.count)
    return matrix.numbers(elements)
  }
}

extension TensorView {
  /// The numbers of a run of elements; of block types whole blocks are decoded.
  func numbers(_ elements: Range<Int>) -> ArraySlice<Double> {
    let block = elementType.blockElements
    let start = elements.lowerBound / block * block
    let end = min((elements.upperBound + block - 1) / block * block, shape.elementCount)
    let base = byteRange.lowerBound
    let values = storage.withBytes(
      in: base + elementType.byteCount(of: start)..<base + elementType.byteCount(of: end)
    ) { NumberList($0, elementType).values }
    return values[elements.lowerBound - start..<elements.upperBound - start]
  }
}

/// The noise that rounding to two types makes of a difference.
struct RoundingNoise {
  private let grids: [FloatGrid]

  /// `nil` for types that round in steps that their neighbours decide, and for whole numbers.
  init?(_ a: ElementType, _ b: ElementType) {
    grids = [a, b].compactMap(FloatGrid.init)
    guard grids.count == 2 else { return nil }
  }

  /// The noise's standard deviation, by the values in some rows and columns.
  func deviation(in matrix: MatrixDifference, _ rows: SpreadPlaces, _ columns: SpreadPlaces)
    -> Double
  {
    var variance = 0.0
    let places = columns.all
    for row in rows.all {
      let range = row * matrix.width..<(row + 1) * matrix.width
      for (view, grid) in zip([matrix.a, matrix.b], grids) {
        let values = matrix.numbers(of: view, range)
        variance += places.reduce(0) { sum, column in
          sum + grid.variance(of: values[values.startIndex + column])
        }
      }
    }
    return (variance / Double(rows.count * columns.count)).squareRoot()
  }
}
