/// The pixels added around a picture before a convolution.
public struct Padding: Sendable, Hashable {
  /// Rows above, rows below, columns left, columns right.
  public let top, bottom, left, right: Int

  /// Pads each side by its own amount.
  public init(top: Int, bottom: Int, left: Int, right: Int) {
    (self.top, self.bottom, self.left, self.right) = (top, bottom, left, right)
  }

  /// Pads all sides alike.
  public init(_ all: Int) { self.init(top: all, bottom: all, left: all, right: all) }
}

/// A two-dimensional cross-correlation with zero padding, as `torch.nn.Conv2d`.
///
/// - Parameters:
///   - x: `[batch, in, height, width]`.
///   - weight: `[out, in, kernel height, kernel width]`.
///   - bias: `[out]`, or none.
/// - Returns: `[batch, out, height', width']`.
public func convolution2D(
  _ x: Tensor, weight: Weight, bias: Weight? = nil, stride: Int = 1, padding: Padding = Padding(0)
) -> Tensor {
  precondition(
    x.shape.count == 4 && weight.shape.count == 4 && x.shape[1] == weight.shape[1],
    "convolution2D: x \(x.shape), weight \(weight.shape)")
  if let winograd = WinogradConvolution(
    input: x.shape, weight: weight.shape, stride: stride, padding: padding)
  {
    return winograd(x, weight: weight, bias: bias)
  }
  return directConvolution2D(x, weight: weight, bias: bias, stride: stride, padding: padding)
}

/// The same by the direct sum, whatever the sizes.
func directConvolution2D(
  _ x: Tensor, weight: Weight, bias: Weight?, stride: Int, padding: Padding
) -> Tensor {
  let plan = ConvolutionPlan(
    input: x.shape, weight: weight.shape, stride: stride, padding: padding)
  return Tensor(shape: plan.outputShape) { output in
    x.withUnsafeBuffer { x in
      guard let source = x.baseAddress, let target = output.baseAddress else { return }
      if plan.isPointwise {
        plan.runPointwise(source, weight, bias, target)
      } else {
        plan.run(source, weight, bias, target)
      }
    }
  }
}

/// The sizes of one convolution, and its evaluation as matrix products: the patches under a tile
/// of output pixels are laid out as columns and multiplied by the filters.
private struct ConvolutionPlan: Sendable {
  let batch, inputs, height, width: Int
  let outputs, kernelHeight, kernelWidth: Int
  let stride: Int
  let padding: Padding
  let outputHeight, outputWidth: Int

  init(input: [Int], weight: [Int], stride: Int, padding: Padding) {
    (batch, inputs, height, width) = (input[0], input[1], input[2], input[3])
    (outputs, kernelHeight, kernelWidth) = (weight[0], weight[2], weight[3])
    self.stride = stride
    self.padding = padding
    outputHeight = (height + padding.top + padding.bottom - kernelHeight) / stride + 1
    outputWidth = (width + padding.left + padding.right - kernelWidth) / stride + 1
  }

  var outputShape: [Int] { [batch, outputs, outputHeight, outputWidth] }
  var pixels: Int { outputHeight * outputWidth }
  var inner: Int { inputs * kernelHeight * kernelWidth }

  /// Whether the input itself is the matrix of patches.
  var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && stride == 1 && padding == Padding(0)
  }

  /// The elements of the filters that are widened at a time: 32 MB, so that a product copies its
  /// other operand rarely.
  private static let panel = 8 << 20

  /// Products of the filters and whole pictures.
  func runPointwise(
    _ source: UnsafePointer<Float>, _ weight: Weight, _ bias: Weight?,
    _ target: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (source, target)
    weight.forEachPanel(of: Self.panel) { channels, panel in
      nonisolated(unsafe) let filters = panel
      let first = channels.lowerBound
      for picture in 0..<batch {
        forEachTile(rows: channels.count, columns: pixels) { rows, columns in
          let output = target + (picture * outputs + first + rows.lowerBound) * pixels
          multiply(
            rows: rows.count, columns: columns.count, inner: inner,
            a: filters + rows.lowerBound * inner, strideA: inner,
            b: source + picture * inputs * pixels + columns.lowerBound, strideB: pixels,
            c: output + columns.lowerBound, strideC: pixels)
          addBias(
            bias, first + rows.lowerBound..<first + rows.upperBound,
            to: output + columns.lowerBound, pixels: columns.count)
        }
      }
    }
  }

  /// Products of the filters and tiles of patches of at most 16 MB; the pictures of a batch share
  /// a tile where they are small.
  func run(
    _ source: UnsafePointer<Float>, _ weight: Weight, _ bias: Weight?,
    _ target: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (source, target)
    let all = batch * pixels
    let length = min(all, max(256, (4 << 20) / inner / 16 * 16))
    weight.forEachPanel(of: Self.panel) { channels, panel in
      nonisolated(unsafe) let filters = panel
      let first = channels.lowerBound
      for start in Swift.stride(from: 0, to: all, by: length) {
        let tile = start..<min(start + length, all)
        Scratch.withFloats(inner * tile.count) { patches in
          nonisolated(unsafe) let patches = patches
          layOut(source, pixels: tile, into: patches)
          forEachTile(rows: channels.count, columns: tile.count) { rows, columns in
            Scratch.withFloats(rows.count * columns.count) { products in
              multiply(
                rows: rows.count, columns: columns.count, inner: inner,
                a: filters + rows.lowerBound * inner, strideA: inner,
                b: patches + columns.lowerBound, strideB: tile.count,
                c: products, strideC: columns.count)
              scatter(
                products, pixels: start + columns.lowerBound..<start + columns.upperBound,
                channels: first + rows.lowerBound..<first + rows.upperBound, bias: bias,
                into: target)
            }
          }
        }
      }
    }
  }

  /// Copies `[channels.count, pixels.count]` to its places in `[batch, outputs, pixels]`.
  private func scatter(
    _ products: UnsafePointer<Float>, pixels range: Range<Int>, channels: Range<Int>,
    bias: Weight?, into target: UnsafeMutablePointer<Float>
  ) {
    for picture in range.lowerBound / pixels...(range.upperBound - 1) / pixels {
      let part = range.clamped(to: picture * pixels..<(picture + 1) * pixels)
      let output =
        target + (picture * outputs + channels.lowerBound) * pixels + part.lowerBound
        - picture * pixels
      for channel in 0..<channels.count {
        (output + channel * pixels).update(
          from: products + channel * range.count + part.lowerBound - range.lowerBound,
          count: part.count)
      }
      addBias(bias, channels, to: output, pixels: part.count)
    }
  }

  /// Adds a bias to each of some rows of pixels, which lie a picture's plane apart.
  private func addBias(
    _ bias: Weight?, _ channels: Range<Int>, to output: UnsafeMutablePointer<Float>,
    pixels count: Int
  ) {
    bias?.withFloats(in: channels) { bias in
      for channel in 0..<bias.count {
        let line = output + channel * pixels
        let value = bias[channel]
        for index in 0..<count { line[index] += value }
      }
    }
  }

  /// Writes `[inputs * kernelHeight * kernelWidth, range.count]`: for each filter element, the
  /// input value that it meets at each output pixel, pictures one behind the other.
  private func layOut(
    _ source: UnsafePointer<Float>, pixels range: Range<Int>,
    into patches: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, patches) = (source, patches)
    Parallel.forEachRange(of: inputs, length: Parallel.length(for: inputs)) { part in
      for channel in part {
        var line = patches + channel * kernelHeight * kernelWidth * range.count
        for ky in 0..<kernelHeight {
          for kx in 0..<kernelWidth {
            var pixel = range.lowerBound
            while pixel < range.upperBound {
              let (picture, row) = (pixel / pixels, pixel % pixels / outputWidth)
              let start = pixel % outputWidth
              let end = min(outputWidth, start + range.upperBound - pixel)
              copyRow(
                source + (picture * inputs + channel) * height * width,
                y: row * stride + ky - padding.top, kx: kx, columns: start..<end,
                into: line + (pixel - range.lowerBound))
              pixel += end - start
            }
            line += range.count
          }
        }
      }
    }
  }

  @inline(__always)
  private func copyRow(
    _ plane: UnsafePointer<Float>, y: Int, kx: Int, columns: Range<Int>,
    into target: UnsafeMutablePointer<Float>
  ) {
    guard y >= 0, y < height else {
      target.update(repeating: 0, count: columns.count)
      return
    }
    let row = plane + y * width
    let shift = kx - padding.left
    if stride == 1 {
      let inside =
        max(
          columns.lowerBound, -shift)..<max(
          min(columns.upperBound, width - shift), max(columns.lowerBound, -shift))
      let before = min(inside.lowerBound, columns.upperBound) - columns.lowerBound
      target.update(repeating: 0, count: before)
      (target + before).update(from: row + inside.lowerBound + shift, count: inside.count)
      let done = before + inside.count
      (target + done).update(repeating: 0, count: columns.count - done)
    } else {
      for column in columns {
        let x = column * stride + shift
        target[column - columns.lowerBound] = x >= 0 && x < width ? row[x] : 0
      }
    }
  }
}
