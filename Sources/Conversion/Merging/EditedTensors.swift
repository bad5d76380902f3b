internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// A change of a model's tensors that keeps their names and shapes.
protocol TensorEdit: Sendable {
  /// The canonical names of the tensors that change.
  var changed: Set<String> { get }

  /// The computation of a changed tensor; `nil` for one that does not change.
  ///
  /// - Parameter base: the tensor under its canonical name and shape, of a decodable type.
  func computation(of base: TensorView) throws -> (any RowComputation)?
}

/// The tensors of a file with a change made to the canonical ones in them. Nothing is computed
/// before it is asked for, and then a few rows at a time.
struct EditedTensors: TensorSource {
  let tensors: [TensorDescription]
  /// The tensors that are left behind because the change does not reach them: copies of the model
  /// as it was.
  let leftBehind: [String]
  private let source: any TensorSource
  private let edit: any TensorEdit
  private let log = MergeLog()
  /// By index of `tensors`.
  private let entries: [Entry]

  private struct Entry {
    let index: Int
    /// `nil` for a tensor that stays as it is.
    let place: CanonicalPlaces.Place?
  }

  /// The tensors read so far whose change made finite values infinite.
  var overflows: [CastOverflow] { log.overflows.overflows }
  /// The tensors computed so far with values that are no numbers.
  var nonFinite: [CastOverflow] { log.nonFinite.overflows }

  /// Whether a tensor changes.
  func isChanged(at index: Int) -> Bool {
    entries.indices.contains(index) && entries[index].place != nil
  }

  /// - Parameters:
  ///   - origin: the file, for messages.
  ///   - isCast: whether a canonical tensor is cast afterwards: it stays float32 then, so that it is
  ///     rounded once.
  /// - Throws: `ConversionError` when a tensor that changes has no numbers to compute with, or its
  ///   type cannot be written.
  init(
    _ source: any TensorSource, _ places: CanonicalPlaces, _ edit: any TensorEdit, origin: String,
    isCast: (TensorDescription) -> Bool
  ) throws(ConversionError) {
    let changed = edit.changed
    let forms = StoredForms(of: source.tensors).byWeight
    var entries: [Entry] = []
    var tensors: [TensorDescription] = []
    var leftBehind: [String] = []
    for (index, tensor) in source.tensors.enumerated() {
      guard places.places[index] != nil || !Average.isOne(tensor.name) else {
        leftBehind.append(tensor.name)
        continue
      }
      var result = tensor
      var place = places.places[index]
      if let parts = place?.tensors, parts.contains(where: { changed.contains($0.name) }) {
        if let form = forms[index] { throw .stored(tensor, as: form, origin: origin) }
        result.elementType = try Self.type(
          of: tensor, isCast: parts.contains(where: isCast), origin: origin)
      } else {
        place = nil
      }
      entries.append(Entry(index: index, place: place))
      tensors.append(result)
    }
    self.source = source
    self.edit = edit
    self.entries = entries
    self.tensors = tensors
    self.leftBehind = leftBehind
  }

  private static func type(
    of tensor: TensorDescription, isCast: Bool, origin: String
  ) throws(ConversionError) -> ElementType {
    let type = tensor.elementType
    guard type.isDecodable else {
      throw ConversionError(
        path: origin, problem: "tensor '\(tensor.name)' is \(type), which cannot be computed with")
    }
    if isCast { return .float32 }
    guard type.isEncodable else {
      throw ConversionError(
        path: origin,
        problem: "tensor '\(tensor.name)' is \(type), which cannot be written: --dtype f16 casts "
          + "the result")
    }
    return type
  }

  func tensor(at index: Int) throws -> TensorView {
    let (entry, result) = (entries[index], tensors[index])
    let base = try source.tensor(at: entry.index)
    switch entry.place {
    case nil: return base
    case .whole(let canonical)?:
      return try edited(base, as: canonical, type: result.elementType, place: index)
        .described(as: result)
    case .transposed(let canonical)?:
      let upright = base.transposed(as: canonical)
      return try edited(upright, as: canonical, type: result.elementType, place: index)
        .transposed(as: result)
    case .rows(let parts)?:
      var start = base.byteRange.lowerBound
      let views = try parts.map { part in
        let end = start + base.byteRange.count / parts.count
        defer { start = end }
        let view = TensorView(
          description: part, storage: base.storage, byteRange: start..<end)
        return try edited(view, as: part, type: result.elementType, place: index)
      }
      let bytes = JoinedBytes(views)
      return TensorView(
        description: result, storage: ByteStorage(bytes), byteRange: 0..<bytes.count)
    }
  }

  private func edited(
    _ base: TensorView, as canonical: TensorDescription, type: ElementType, place: Int
  ) throws -> TensorView {
    var description = canonical
    description.elementType = base.elementType
    let base = base.described(as: description)
    let change = try edit.computation(of: base)
    if change == nil, base.elementType == type { return base }
    description.elementType = type
    return ComputedTensor(
      change ?? AdaptedRows(base, []), as: description, place: place, log: log
    ).view
  }
}
