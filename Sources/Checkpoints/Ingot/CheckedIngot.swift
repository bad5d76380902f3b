public import TensorCore

/// The tensors of an ingot, each compared with its digest when it is taken: a damaged one is not
/// to go on into another file, whose own digests would call it intact.
public struct CheckedIngot: TensorSource {
  private let reader: IngotReader

  /// Wraps an ingot.
  public init(_ reader: IngotReader) { self.reader = reader }

  /// What the tensors are, in the order of the ingot's index.
  public var tensors: [TensorDescription] { reader.tensors }

  /// The tensor at an index of `tensors`.
  ///
  /// - Throws: `IngotError` when its bytes are not those that were written.
  public func tensor(at index: Int) throws -> TensorView {
    let view = reader.tensor(at: index)
    let (found, expected) = (
      view.digest, reader.record(at: index).digest
    )
    guard found == expected else {
      throw IngotError(
        path: reader.path,
        problem: .tensor(
          view.name, problem: "is damaged: its digest is \(found), expected \(expected)"))
    }
    return view
  }
}
