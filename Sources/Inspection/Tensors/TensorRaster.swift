internal import Checkpoints
public import Conversion
internal import KeyLayouts
internal import TensorCore

/// A tensor as a picture: a matrix as a heat map, convolution kernels as a contact sheet. Red is
/// above zero, blue below, white zero, black what is not finite; the strongest colours stand for
/// three standard deviations and more.
public struct TensorRaster: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Red, green and blue of every pixel, row by row.
  public let pixels: [UInt8]
  /// What a pixel stands for, and what was left out: `each pixel is 3 x 3 values`.
  public let legend: String

  /// The most cells in a row or column: more values share one, of which the largest is shown.
  private static let cellLimit = 1024
  /// The most kernels in a row or column of a contact sheet.
  private static let kernelLimit = 48

  /// Draws a tensor by its canonical name or the one that the checkpoint gives it.
  ///
  /// - Throws: `InspectionError` when there is none of that name, or its values are unknown; the
  ///   container's error when its bytes cannot be produced.
  public init(ofTensorNamed name: String, in model: ReadModel) throws {
    let view = try TensorDetail.view(named: name, in: model).view
    var summary = TensorSummary.Accumulator(type: view.elementType)
    view.forEachChunk { summary.update($0) }
    guard let statistics = summary.finish().statistics, view.shape.elementCount > 0 else {
      throw InspectionError(
        path: model.checkpoint.path,
        problem: "tensor '\(view.name)' (\(view.elementType) \(view.shape)) has no values to draw")
    }
    let spread = 3 * statistics.standardDeviation
    let largest = max(statistics.minimum.magnitude, statistics.maximum.magnitude)
    // A tensor of one value has no deviation.
    let scale = spread > 0 && spread < largest ? spread : largest > 0 ? largest : 1
    let shape = view.shape
    if shape.rank == 4, shape[2] * shape[3] > 1, shape[2] <= 16, shape[3] <= 16 {
      self = Self.kernels(view, scale)
    } else {
      self = Self.heatMap(view, scale)
    }
    try MappingGuard.check()
  }

  private init(cells: Cells, zoom: Int, gap: Int, part: (rows: Int, columns: Int), _ legend: String)
  {
    let gaps = { (count: Int, part: Int) in gap * max(count / max(part, 1) - 1, 0) }
    let (rows, columns) = (cells.values.count / cells.columns, cells.columns)
    width = columns * zoom + gaps(columns, part.columns)
    height = rows * zoom + gaps(rows, part.rows)
    var pixels = [UInt8](repeating: 0xD0, count: 3 * width * height)
    for row in 0..<rows {
      for column in 0..<columns {
        let color = Self.color(cells.values[row * columns + column], cells.scale)
        let top = row * zoom + row / part.rows * gap
        let left = column * zoom + column / part.columns * gap
        for y in top..<top + zoom {
          for x in left..<left + zoom {
            let place = 3 * (y * width + x)
            (pixels[place], pixels[place + 1], pixels[place + 2]) = color
          }
        }
      }
    }
    self.pixels = pixels
    self.legend = legend
  }

  /// A grid of numbers, of which several may fall on one cell.
  private struct Cells {
    let columns: Int
    let scale: Double
    var values: [Double]

    init(rows: Int, columns: Int, scale: Double) {
      self.columns = columns
      self.scale = scale
      values = [Double](repeating: 0, count: rows * columns)
    }

    /// Keeps the larger of two; what is not finite wins.
    mutating func put(_ value: Double, row: Int, column: Int) {
      let place = row * columns + column
      guard values[place].isFinite else { return }
      if !value.isFinite || value.magnitude > values[place].magnitude { values[place] = value }
    }
  }

  private static func heatMap(_ view: TensorView, _ scale: Double) -> TensorRaster {
    let rows = view.shape.rank > 1 ? view.shape[0] : 1
    let columns = view.shape.elementCount / rows
    let step = (
      row: (rows + cellLimit - 1) / cellLimit, column: (columns + cellLimit - 1) / cellLimit
    )
    var cells = Cells(
      rows: (rows + step.row - 1) / step.row, columns: (columns + step.column - 1) / step.column,
      scale: scale)
    forEachValue(view) { index, value in
      cells.put(value, row: index / columns / step.row, column: index % columns / step.column)
    }
    let (high, wide) = (cells.values.count / cells.columns, cells.columns)
    // Small ones are drawn larger, so that something is seen.
    let zoom = max(1, min(16, 256 / max(high, wide)))
    let shared =
      step == (1, 1)
      ? "each cell is a value"
      : "each cell is the largest of \(step.row) x \(step.column) values"
    return TensorRaster(
      cells: cells, zoom: zoom, gap: 0, part: (max(high, 1), max(wide, 1)),
      "\(rows) x \(columns) values, \(shared)")
  }

  /// Filters from top to bottom, their input channels from left to right.
  private static func kernels(_ view: TensorView, _ scale: Double) -> TensorRaster {
    let shape = view.shape
    let (outputs, inputs) = (min(shape[0], kernelLimit), min(shape[1], kernelLimit))
    let (high, wide) = (shape[2], shape[3])
    var cells = Cells(rows: outputs * high, columns: inputs * wide, scale: scale)
    let size = high * wide
    forEachValue(view) { index, value in
      let (output, input) = (index / size / shape[1], index / size % shape[1])
      guard output < outputs, input < inputs else { return }
      cells.put(
        value, row: output * high + index % size / wide, column: input * wide + index % wide)
    }
    let isAll = outputs == shape[0] && inputs == shape[1]
    return TensorRaster(
      cells: cells, zoom: 4, gap: 2, part: (high, wide),
      "\(isAll ? "all" : "the first") \(outputs) x \(inputs) kernels of \(high) x \(wide), filters "
        + "downwards, input channels to the right")
  }

  private static func forEachValue(_ view: TensorView, _ body: (Int, Double) -> Void) {
    var index = 0
    view.forEachChunk(of: 1 << 16) { bytes in
      for value in NumberList(bytes, view.elementType).values {
        if index < view.shape.elementCount { body(index, value) }
        index += 1
      }
    }
  }

  /// White at zero, to red above and to blue below.
  private static func color(_ value: Double, _ scale: Double) -> (UInt8, UInt8, UInt8) {
    guard value.isFinite else { return (0, 0, 0) }
    let strength = min(value.magnitude / scale, 1)
    let faded = UInt8((255 * (1 - strength)).rounded())
    return value > 0 ? (255, faded, faded) : (faded, faded, 255)
  }
}
