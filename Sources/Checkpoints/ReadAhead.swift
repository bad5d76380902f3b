internal import TensorCore

/// Gets the next tensor of a source ready on another thread while the one before is in use: a
/// zip's checksum takes as long as the copy, inflating longer.
struct ReadAhead {
  private let source: any TensorSource
  private var next: (index: Int, view: Background<TensorView>)?

  init(_ source: any TensorSource) { self.source = source }

  /// The tensor at an index of the source, which then begins with the one behind it.
  ///
  /// - Throws: what the source throws for this tensor.
  mutating func tensor(at index: Int) throws -> TensorView {
    let view =
      if let next, next.index == index { try next.view.value } else {
        try source.tensor(at: index)
      }
    let following = index + 1
    next =
      following < source.tensors.count
      ? (following, Background { [source] in try source.tensor(at: following) }) : nil
    return view
  }
}
