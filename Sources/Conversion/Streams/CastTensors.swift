internal import KeyLayouts
internal import TensorCore

/// The tensors of a source with every float cast to one element type: round to nearest, ties to
/// even. Other types stay; to a block type also what is no matrix with whole blocks in its rows, as
/// in llama.cpp and stable-diffusion.cpp: biases, norms and kernels. So do weights whose numbers mean
/// nothing without the scales beside them, and the scales. A cast happens when bytes are asked for,
/// no more than that at a time.
struct CastTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  private let log = OverflowLog()

  /// The tensors read so far that the cast made infinite in places.
  var overflows: [CastOverflow] { log.overflows }
  /// The floats that stay because their shape does not suit the block type.
  let kept: [String]

  init(_ source: any TensorSource, to type: ElementType) {
    self.init(source, to: [ElementType?](repeating: type, count: source.tensors.count))
  }

  /// - Parameter types: the type of each tensor of the source; `nil` for its own.
  init(_ source: any TensorSource, to types: [ElementType?]) {
    self.source = source
    var kept: [String] = []
    let stored = StoredForms(of: source.tensors)
    tensors = zip(source.tensors, types).enumerated().map { place, pair in
      let (tensor, type) = pair
      guard let type, tensor.elementType.isDecodable, stored.byWeight[place] == nil,
        !stored.companions.contains(place)
      else { return tensor }
      guard Self.suits(tensor.shape, type) else {
        kept.append(tensor.name)
        return tensor
      }
      var cast = tensor
      cast.elementType = type
      return cast
    }
    self.kept = kept
  }

  /// Whether a floating tensor of this shape can be of a type.
  static func suits(_ shape: TensorShape, _ type: ElementType) -> Bool {
    guard type.isGGMLBlock else { return true }
    return shape.rank > 1 && shape.elementCount > 0 && (shape.last ?? 1) % type.blockElements == 0
  }

  func tensor(at index: Int) throws -> TensorView {
    let view = try source.tensor(at: index)
    guard view.elementType != tensors[index].elementType else { return view }
    let bytes = CastBytes(view, to: tensors[index], place: index, log: log)
    return TensorView(
      description: tensors[index], storage: ByteStorage(bytes), byteRange: 0..<bytes.count)
  }
}

/// The bytes of a tensor in another element type.
private struct CastBytes: BlockProvider {
  let count: Int
  let blockBytes: Int
  /// The elements of one block: the fewest that are whole blocks of both types.
  private let unit: Int
  private let view: TensorView
  private let target: TensorDescription
  private let place: Int
  private let log: OverflowLog

  init(_ view: TensorView, to target: TensorDescription, place: Int, log: OverflowLog) {
    self.view = view
    self.target = target
    self.place = place
    self.log = log
    count = target.elementType.byteCount(of: view.shape.elementCount)
    unit = max(view.elementType.blockElements, target.elementType.blockElements)
    blockBytes = target.elementType.byteCount(of: unit)
  }

  func fillBlocks(_ output: inout MutableRawSpan, from block: Int) {
    let elements = block * unit..<(block + output.byteCount / blockBytes) * unit
    let range = bytes(of: elements)
    view.storage.withBytes(in: range) { input in
      ElementConversion.convert(
        input, from: view.elementType, to: target.elementType, into: &output)
      log.compare(
        input, view.elementType, with: output.bytes, of: target, at: place, from: elements)
    }
    // Read once: the mapping need not stay in memory.
    view.storage.advise(.dontNeed, range: range)
  }

  private func bytes(of elements: Range<Int>) -> Range<Int> {
    let start = view.byteRange.lowerBound
    let type = view.elementType
    return start + type.byteCount(of: elements.lowerBound)..<start
      + type.byteCount(of: elements.upperBound)
  }
}
