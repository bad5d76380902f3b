public import Numerics

/// A picture of 8-bit red, green and blue values.
public struct Picture: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Red, green and blue of every pixel, row by row: `[height, width, 3]`.
  public let pixels: [UInt8]

  /// Makes a picture of given values. Traps when their number does not fit the sizes.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 3, "\(pixels.count) values for a picture")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The first picture of a tensor `[N, 3, height, width]` with values in −1…1: what lies outside
  /// is clamped, and values are rounded half to even, as diffusers does.
  public init(_ tensor: Tensor) {
    let (height, width) = (tensor.shape[2], tensor.shape[3])
    let plane = height * width
    var pixels = [UInt8](repeating: 0, count: plane * 3)
    tensor.withUnsafeBuffer { values in
      for channel in 0..<3 {
        for place in 0..<plane {
          let value = values[channel * plane + place] * 0.5 + 0.5
          // A comparison with NaN is false: such a pixel becomes black.
          let clamped = value > 0 ? min(value, 1) : 0
          pixels[place * 3 + channel] = UInt8((clamped * 255).rounded(.toNearestOrEven))
        }
      }
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// Pictures of one size side by side, row by row, with white between them.
  ///
  /// - Parameters:
  ///   - pictures: one or more pictures of equal sizes.
  ///   - columns: pictures in a row; by default about as many as there are rows.
  ///   - gap: white pixels between neighbours.
  public static func grid(_ pictures: [Picture], columns: Int? = nil, gap: Int = 2) -> Picture {
    let (width, height) = (pictures[0].width, pictures[0].height)
    precondition(
      pictures.allSatisfy { $0.width == width && $0.height == height }, "pictures of many sizes")
    let root = Int(Double(pictures.count).squareRoot().rounded(.up))
    let columns = min(max(columns ?? root, 1), pictures.count)
    let rows = (pictures.count + columns - 1) / columns
    let sheetWidth = columns * (width + gap) - gap
    let sheetHeight = rows * (height + gap) - gap
    var pixels = [UInt8](repeating: 255, count: sheetWidth * sheetHeight * 3)
    for (index, picture) in pictures.enumerated() {
      let top = index / columns * (height + gap)
      let left = index % columns * (width + gap)
      for row in 0..<height {
        let target = ((top + row) * sheetWidth + left) * 3
        let source = row * width * 3
        pixels.replaceSubrange(
          target..<target + width * 3, with: picture.pixels[source..<source + width * 3])
      }
    }
    return Picture(width: sheetWidth, height: sheetHeight, pixels: pixels)
  }
}
