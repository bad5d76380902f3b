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
      weight.withFloats { w in
        guard let source = x.baseAddress, let filters = w.baseAddress,
          let target = output.baseAddress
        else { return }
        plan.run(source, filters, target)
      }
    }
    bias?.withFloats { bias in
      nonisolated(unsafe) let (output, bias) = (output, bias)
      Parallel.forEach(plan.batch * plan.outputs) { plane in
        let value = bias[plane % plan.outputs]
        for index in plane * plan.pixels..<(plane + 1) * plan.pixels { output[index] += value }
      }
    }
  }
}

/// The sizes of one convolution, and its evaluation as matrix products: the patches under a tile
/// of output pixels are laid out as columns, which fit a core's cache, and multiplied by the
/// filters.
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

  func run(
    _ source: UnsafePointer<Float>, _ filters: UnsafePointer<Float>,
    _ target: UnsafeMutablePointer<Float>
  ) {
    // About 2 MB of patches a tile, and no more tiles than keep every thread busy.
    let fitting = max(64, (1 << 19) / inner / 16 * 16)
    let tile = min(fitting, Parallel.length(for: pixels, shares: 1, multiple: 16))
    let tilesPerPicture = (pixels + tile - 1) / tile
    let tiles = batch * tilesPerPicture
    // Few pixels (the innermost levels): the output channels are shared out too.
    let panels = tiles >= Parallel.threads ? 1 : Parallel.threads
    let panel = (outputs + panels - 1) / panels
    nonisolated(unsafe) let (source, filters, target) = (source, filters, target)
    Parallel.forEach(tiles * panels) { task in
      let picture = task / panels / tilesPerPicture
      let first = task / panels % tilesPerPicture * tile
      let range = first..<min(first + tile, pixels)
      let channels = task % panels * panel..<min((task % panels + 1) * panel, outputs)
      guard !channels.isEmpty else { return }
      let input = source + picture * inputs * height * width
      let output = target + (picture * outputs + channels.lowerBound) * pixels + first
      let rows = filters + channels.lowerBound * inner
      if isPointwise {
        multiply(
          rows: channels.count, columns: range.count, inner: inner, a: rows, strideA: inner,
          b: input + first, strideB: pixels, c: output, strideC: pixels)
        return
      }
      let patches = UnsafeMutablePointer<Float>.allocate(capacity: inner * range.count)
      defer { patches.deallocate() }
      layOut(input, pixels: range, into: patches)
      multiply(
        rows: channels.count, columns: range.count, inner: inner, a: rows, strideA: inner,
        b: patches, strideB: range.count, c: output, strideC: pixels)
    }
  }

  /// Writes `[inputs * kernelHeight * kernelWidth, pixels.count]`: for each filter element, the
  /// input value that it meets at each output pixel.
  func layOut(
    _ input: UnsafePointer<Float>, pixels: Range<Int>, into patches: UnsafeMutablePointer<Float>
  ) {
    var line = patches
    for channel in 0..<inputs {
      let plane = input + channel * height * width
      for ky in 0..<kernelHeight {
        for kx in 0..<kernelWidth {
          var pixel = pixels.lowerBound
          while pixel < pixels.upperBound {
            let row = pixel / outputWidth
            let start = pixel % outputWidth
            let end = min(outputWidth, start + pixels.upperBound - pixel)
            copyRow(
              plane, y: row * stride + ky - padding.top, kx: kx, columns: start..<end,
              into: line + (pixel - pixels.lowerBound))
            pixel += end - start
          }
          line += pixels.count
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
