internal import KeyLayouts
internal import TensorCore

/// The numbers of a weight, each multiplied with the scale that is for it, as float32.
///
/// Stored numbers widen exactly; the product is rounded to float32, as torch computes
/// `weight.float() * scale.float()` and so ComfyUI. Made a run at a time as bytes are asked for.
struct ScaledBytes: BlockProvider {
  let count: Int
  let blockBytes = 4
  private let weight: TensorView
  private let scales: ScaleRuns

  /// Traps when the scale does not fit the weight: whoever made the recipe has checked.
  init(_ weight: TensorView, by scale: TensorView) {
    guard let scales = ScaleRuns(scale, of: weight.description) else {
      preconditionFailure("a scale that does not fit its weight")
    }
    self.weight = weight
    self.scales = scales
    count = 4 * weight.shape.elementCount
  }

  /// The scaled weight.
  var description: TensorDescription {
    TensorDescription(name: weight.name, elementType: .float32, shape: weight.shape)
  }

  func fillBlocks(_ output: inout MutableRawSpan, from first: Int) {
    let size = weight.elementType.blockBytes
    let start = weight.byteRange.lowerBound + first * size
    let range = start..<start + output.byteCount / 4 * size
    guard !range.isEmpty else { return }
    weight.storage.withBytes(in: range) { input in
      ElementConversion.convert(
        input, from: weight.elementType, to: .float32, into: &output)
    }
    output.withUnsafeMutableBytes { bytes in
      bytes.withMemoryRebound(to: Float.self) { multiply($0, from: first) }
    }
    // Read once: the mapping need not stay in memory.
    weight.storage.advise(.dontNeed, range: range)
  }

  /// Multiplies a run of values, from the `first` of the weight on, run by run of one scale.
  private func multiply(_ values: UnsafeMutableBufferPointer<Float>, from first: Int) {
    scales.forEachRun(in: first..<first + values.count) { run, scale in
      for place in run { values[place - first] *= scale }
    }
  }
}
