internal import TensorCore

/// The tensors of a source with every plain float cast to one element type: round to nearest, ties
/// to even. Other types stay.
struct CastTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  private let log = OverflowLog()

  /// The tensors read so far that the cast made infinite in places.
  var overflows: [CastOverflow] { log.overflows }

  init(_ source: any TensorSource, to type: ElementType) {
    self.source = source
    tensors = source.tensors.map { tensor in
      var cast = tensor
      if tensor.elementType.isPlainFloat { cast.elementType = type }
      return cast
    }
  }

  func tensor(at index: Int) throws -> TensorView {
    let view = try source.tensor(at: index)
    let target = tensors[index]
    guard view.elementType != target.elementType else { return view }
    let count = view.shape.elementCount * target.elementType.blockBytes
    let storage = view.withBytes { bytes in
      ByteStorage(count: count) { output in
        ElementConversion.convert(
          bytes, from: view.elementType, to: target.elementType, into: &output)
      }
    }
    let cast = TensorView(description: target, storage: storage, byteRange: 0..<count)
    log.compare(view, with: cast, at: index)
    // Read once: the mapping need not stay in memory.
    view.storage.advise(.dontNeed, range: view.byteRange)
    return cast
  }
}
