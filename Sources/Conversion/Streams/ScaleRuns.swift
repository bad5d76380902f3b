internal import KeyLayouts
internal import TensorCore

/// The scales of a weight, by the runs of its numbers that each is for.
struct ScaleRuns {
  private let grid: ScaleGrid
  private let scale: TensorView

  /// `nil` when the scale does not fit the weight.
  init?(_ scale: TensorView, of weight: TensorDescription) {
    guard let grid = ScaleGrid(scale.description, of: weight) else { return nil }
    (self.grid, self.scale) = (grid, scale)
  }

  /// Goes through the numbers of a range, a run with one scale at a time.
  func forEachRun(in range: Range<Int>, _ body: (Range<Int>, Float) -> Void) {
    guard !range.isEmpty else { return }
    let scalesInRow = grid.columns / grid.blockColumns
    let firstRow = range.lowerBound / grid.columns / grid.blockRows
    let lastRow = (range.upperBound - 1) / grid.columns / grid.blockRows
    let scales = scales(in: firstRow * scalesInRow..<(lastRow + 1) * scalesInRow)
    var place = range.lowerBound
    while place < range.upperBound {
      let (row, column) = place.quotientAndRemainder(dividingBy: grid.columns)
      let block = column / grid.blockColumns
      let scale = scales[(row / grid.blockRows - firstRow) * scalesInRow + block]
      let end = min(range.upperBound, place + (block + 1) * grid.blockColumns - column)
      body(place..<end, scale)
      place = end
    }
  }

  private func scales(in range: Range<Int>) -> [Float] {
    let size = scale.elementType.blockBytes
    let start = scale.byteRange.lowerBound
    let bytes = start + range.lowerBound * size..<start + range.upperBound * size
    return scale.storage.withBytes(in: bytes) {
      ElementConversion.floats($0, type: scale.elementType)
    }
  }
}
