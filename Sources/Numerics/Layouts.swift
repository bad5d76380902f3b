/// Repeats every pixel twice in both directions, as `torch.nn.functional.interpolate` with
/// `nearest` does at factor 2 or, one row or column short of that, at a given size.
///
/// - Parameters:
///   - x: `[batch, channels, height, width]`.
///   - size: the height and width wanted: each twice that of `x`, or 1 less. Twice by default.
/// - Returns: `[batch, channels, size.height, size.width]`.
public func upsampleNearest2x(_ x: Tensor, to size: (height: Int, width: Int)? = nil) -> Tensor {
  let (sourceHeight, sourceWidth) = (x.shape[2], x.shape[3])
  let (height, width) = size ?? (2 * sourceHeight, 2 * sourceWidth)
  precondition(
    (height + 1) / 2 == sourceHeight && (width + 1) / 2 == sourceWidth,
    "\(x.shape) to \(height) x \(width) pixels")
  return Tensor(shape: [x.shape[0], x.shape[1], height, width]) { output in
    x.withUnsafeBuffer { x in
      nonisolated(unsafe) let (x, output) = (x, output)
      Parallel.forEach(output.count / (height * width)) { plane in
        for row in 0..<height {
          let source = (plane * sourceHeight + row / 2) * sourceWidth
          let target = (plane * height + row) * width
          for column in 0..<width / 2 {
            output[target + 2 * column] = x[source + column]
            output[target + 2 * column + 1] = x[source + column]
          }
          if width % 2 == 1 { output[target + width - 1] = x[source + sourceWidth - 1] }
        }
      }
    }
  }
}

/// Adds one number to every pixel of each channel.
///
/// - Parameters:
///   - bias: `[batch, channels]`.
///   - x: `[batch, channels, height, width]`.
public func addChannelBias(_ bias: Tensor, to x: inout Tensor) {
  let plane = x.shape[2] * x.shape[3]
  precondition(bias.shape == [x.shape[0], x.shape[1]], "bias \(bias.shape) for \(x.shape)")
  bias.withUnsafeBuffer { bias in
    x.withUnsafeMutableBuffer { x in
      nonisolated(unsafe) let (x, bias) = (x, bias)
      Parallel.forEach(bias.count) { channel in
        let value = bias[channel]
        for index in channel * plane..<(channel + 1) * plane { x[index] += value }
      }
    }
  }
}

/// Joins pictures along their channels: `[batch, a + b, height, width]`.
public func concatenateChannels(_ a: Tensor, _ b: Tensor) -> Tensor {
  precondition(
    a.shape[0] == b.shape[0] && a.shape[2...] == b.shape[2...], "\(a.shape) and \(b.shape)")
  let plane = a.shape[2] * a.shape[3]
  let (channelsA, channelsB) = (a.shape[1], b.shape[1])
  let channels = channelsA + channelsB
  return Tensor(shape: [a.shape[0], channels] + a.shape.dropFirst(2)) { output in
    a.withUnsafeBuffer { a in
      b.withUnsafeBuffer { b in
        guard let a = a.baseAddress, let b = b.baseAddress, let target = output.baseAddress
        else { return }
        nonisolated(unsafe) let (fromA, fromB, to) = (a, b, target)
        Parallel.forEach(output.count / plane) { index in
          let (picture, channel) = (index / channels, index % channels)
          let source =
            channel < channelsA
            ? fromA + (picture * channelsA + channel) * plane
            : fromB + (picture * channelsB + channel - channelsA) * plane
          (to + index * plane).update(from: source, count: plane)
        }
      }
    }
  }
}

/// Pixels as tokens: `[batch, channels, height, width]` to `[batch, height * width, channels]`.
public func nchwToTokens(_ x: Tensor) -> Tensor {
  let (batch, channels, pixels) = (x.shape[0], x.shape[1], x.shape[2] * x.shape[3])
  return transposed(x, batch: batch, rows: channels, columns: pixels)
    .reshaped([batch, pixels, channels])
}

/// Tokens as pixels: `[batch, height * width, channels]` to `[batch, channels, height, width]`.
public func tokensToNCHW(_ x: Tensor, height: Int, width: Int) -> Tensor {
  precondition(x.shape[1] == height * width, "\(x.shape) as \(height) x \(width) pixels")
  let (batch, channels) = (x.shape[0], x.shape[2])
  return transposed(x, batch: batch, rows: height * width, columns: channels)
    .reshaped([batch, channels, height, width])
}

/// Transposes each of `batch` matrices `[rows, columns]`, in blocks that share cache lines.
private func transposed(_ x: Tensor, batch: Int, rows: Int, columns: Int) -> Tensor {
  let block = 16
  let bands = (rows + block - 1) / block
  return Tensor(shape: x.shape) { output in
    x.withUnsafeBuffer { x in
      nonisolated(unsafe) let (x, output) = (x, output)
      Parallel.forEach(batch * bands) { task in
        let start = task / bands * rows * columns
        let band = task % bands * block..<min((task % bands + 1) * block, rows)
        for column in 0..<columns {
          for row in band {
            output[start + column * rows + row] = x[start + row * columns + column]
          }
        }
      }
    }
  }
}
