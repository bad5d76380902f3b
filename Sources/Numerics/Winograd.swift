/// A 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for
/// Convolutional Neural Networks", 2015): a quarter of the direct multiplications.
///
/// Filters and patches are transformed block by block on every call, so that the memory stays
/// bounded; between them lie 36 matrix products. Against float64 the error is up to
/// seven times that of the direct sum, some 2e-6 of the largest value for one layer of noise
/// (`WinogradTests` holds it to 5e-6).
struct WinogradConvolution: Sendable {
  let batch, inputs, height, width: Int
  let outputs: Int
  let padding: Padding
  let outputHeight, outputWidth: Int

  /// The convolution, if this algorithm applies and is worth its transforms: small pictures leave
  /// too few tiles to share the transformed filters among.
  init?(input: [Int], weight: [Int], stride: Int, padding: Padding, minimumTiles: Int = 32) {
    guard stride == 1, weight[2] == 3, weight[3] == 3 else { return nil }
    (batch, inputs, height, width) = (input[0], input[1], input[2], input[3])
    outputs = weight[0]
    self.padding = padding
    outputHeight = height + padding.top + padding.bottom - 2
    outputWidth = width + padding.left + padding.right - 2
    guard outputHeight > 0, outputWidth > 0, inputs >= 16 || minimumTiles == 0,
      outputs >= 16 || minimumTiles == 0,
      batch * tileRowsPerPicture * tilesPerRow >= minimumTiles
    else { return nil }
  }

  private var tilesPerRow: Int { (outputWidth + 3) / 4 }
  private var tileRowsPerPicture: Int { (outputHeight + 3) / 4 }

  /// The convolution of `x`, `[batch, inputs, height, width]`.
  func callAsFunction(
    _ x: Tensor, weight: Weight, bias: Weight?, kernels: VectorKernels = .current
  ) -> Tensor {
    Tensor(shape: [batch, outputs, outputHeight, outputWidth]) { output in
      x.withUnsafeBuffer { x in
        guard let source = x.baseAddress, let target = output.baseAddress else { return }
        if let bias {
          bias.withFloats {
            run(source, weight: weight, bias: $0.baseAddress, target, kernels: kernels)
          }
        } else {
          run(source, weight: weight, bias: nil, target, kernels: kernels)
        }
      }
    }
  }

  /// Writes `[batch, outputs, outputHeight, outputWidth]`, bias included.
  ///
  /// - Parameters:
  ///   - source: `[batch, inputs, height, width]`.
  ///   - weight: `[outputs, inputs, 3, 3]`.
  private func run(
    _ source: UnsafePointer<Float>, weight: Weight, bias: UnsafePointer<Float>?,
    _ target: UnsafeMutablePointer<Float>, kernels: VectorKernels
  ) {
    // Transformed filters of at most 48 MB; patches and products of about 24 MB.
    let panel = max(16, min(outputs, 12_000_000 / (36 * inputs)))
    let tileRows = batch * tileRowsPerPicture
    let rowsFitting = 6_000_000 / (36 * (inputs + panel) * tilesPerRow)
    let block = min(tileRows, max(rowsFitting, (63 + tilesPerRow) / tilesPerRow))
    let plane = block * tilesPerRow
    Scratch.withFloats(36 * Self.distance(panel * inputs)) { filters in
      Scratch.withFloats(36 * Self.distance(inputs * plane)) { patches in
        Scratch.withFloats(36 * Self.distance(panel * plane)) { products in
          for first in stride(from: 0, to: outputs, by: panel) {
            let channels = first..<min(first + panel, outputs)
            transformFilters(weight, channels, into: filters, kernels)
            for row in stride(from: 0, to: tileRows, by: block) {
              let rows = row..<min(row + block, tileRows)
              if first == 0 || block < tileRows {
                transformPatches(source, rows, into: patches, plane: plane, kernels)
              }
              multiplyTiles(
                filters, patches, into: products, channels: channels.count,
                tiles: rows.count * tilesPerRow, plane: plane)
              transformProducts(
                products, rows, channels, plane: plane, bias: bias, into: target, kernels)
            }
          }
        }
      }
    }
  }

  /// How far apart the 36 matrices of so many floats lie. Whole pages would put the 36 places that
  /// a transform works on at a time into one set of the cache.
  private static func distance(_ count: Int) -> Int { (count + 15) / 16 * 16 + 16 }

  /// `[36, channels, inputs]`.
  private func transformFilters(
    _ weight: Weight, _ channels: Range<Int>, into filters: UnsafeMutablePointer<Float>,
    _ kernels: VectorKernels
  ) {
    nonisolated(unsafe) let filters = filters
    let plane = Self.distance(channels.count * inputs)
    Parallel.forEachRange(of: channels.count, length: max(1, 16_384 / inputs)) { part in
      let start = (channels.lowerBound + part.lowerBound) * inputs * 9
      weight.withFloats(in: start..<start + part.count * inputs * 9) { values in
        kernels.winogradFilter(
          values.baseAddress, part.count * inputs, filters + part.lowerBound * inputs, plane)
      }
    }
  }

  /// `[36, inputs, plane]`.
  private func transformPatches(
    _ source: UnsafePointer<Float>, _ rows: Range<Int>,
    into patches: UnsafeMutablePointer<Float>, plane: Int, _ kernels: VectorKernels
  ) {
    nonisolated(unsafe) let (source, patches) = (source, patches)
    // The padded rows under a row of tiles, and the kernel's reading beyond them.
    let rowLength = (tilesPerRow + 33) * 4
    let lineCount = 6 * rowLength + 80
    let scratchCount = 24 * (tilesPerRow + 32)
    let left = max(padding.left, 0)
    let copied = min(width, rowLength - left)
    Parallel.forEachRange(of: inputs, length: max(1, min(8, inputs / Parallel.threads))) { part in
      let lines = UnsafeMutablePointer<Float>.allocate(capacity: lineCount + scratchCount)
      lines.initialize(repeating: 0, count: lineCount + scratchCount)
      defer { lines.deallocate() }
      for channel in part {
        for row in rows {
          let picture = row / tileRowsPerPicture
          let top = row % tileRowsPerPicture * 4 - padding.top
          let channelPlane = source + (picture * inputs + channel) * height * width
          for line in 0..<6 {
            let target = lines + line * rowLength + left
            if top + line >= 0, top + line < height {
              target.update(from: channelPlane + (top + line) * width, count: copied)
            } else {
              target.update(repeating: 0, count: copied)
            }
          }
          kernels.winogradInput(
            lines, rowLength,
            patches + channel * plane + (row - rows.lowerBound) * tilesPerRow,
            Self.distance(inputs * plane), tilesPerRow, lines + lineCount)
        }
      }
    }
  }

  /// `[36, channels, plane]`: a matrix product for each of the 36 elements of a tile.
  private func multiplyTiles(
    _ filters: UnsafePointer<Float>, _ patches: UnsafePointer<Float>,
    into products: UnsafeMutablePointer<Float>, channels: Int, tiles: Int, plane: Int
  ) {
    nonisolated(unsafe) let (filters, patches, products) = (filters, patches, products)
    Parallel.forEach(36) { element in
      multiply(
        rows: channels, columns: tiles, inner: inputs,
        a: filters + element * Self.distance(channels * inputs), strideA: inputs,
        b: patches + element * Self.distance(inputs * plane), strideB: plane,
        c: products + element * Self.distance(channels * plane), strideC: plane)
    }
  }

  private func transformProducts(
    _ products: UnsafePointer<Float>, _ rows: Range<Int>, _ channels: Range<Int>, plane: Int,
    bias: UnsafePointer<Float>?, into target: UnsafeMutablePointer<Float>,
    _ kernels: VectorKernels
  ) {
    nonisolated(unsafe) let (products, bias, target) = (products, bias, target)
    let length = max(1, min(8, channels.count / Parallel.threads))
    Parallel.forEachRange(of: channels.count, length: length) { part in
      for index in part {
        let channel = channels.lowerBound + index
        for row in rows {
          let picture = row / tileRowsPerPicture
          let y = row % tileRowsPerPicture * 4
          kernels.winogradOutput(
            products + index * plane + (row - rows.lowerBound) * tilesPerRow,
            Self.distance(channels.count * plane), tilesPerRow, bias?[channel] ?? 0,
            target + ((picture * outputs + channel) * outputHeight + y) * outputWidth,
            outputWidth, min(4, outputHeight - y))
        }
      }
    }
  }
}
