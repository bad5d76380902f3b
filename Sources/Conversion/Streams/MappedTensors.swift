internal import KeyLayouts
internal import TensorCore

/// The tensors of a source that a ledger lets through, under their target names and shapes.
struct MappedTensors: TensorSource {
  let tensors: [TensorDescription]
  private let source: any TensorSource
  private let places: [Int]

  init(_ source: any TensorSource, by ledger: Ledger) {
    self.source = source
    let mapped = ledger.mapped
    tensors = mapped.map(\.target)
    places = mapped.map(\.index)
  }

  private init(_ source: any TensorSource, _ tensors: [TensorDescription], _ places: [Int]) {
    self.source = source
    self.tensors = tensors
    self.places = places
  }

  func tensor(at index: Int) throws -> TensorView {
    try source.tensor(at: places[index]).described(as: tensors[index])
  }

  /// The same tensors with those of one component together, in the order of its first tensor.
  var byComponent: MappedTensors {
    var order: [Substring: Int] = [:]
    let ranks = tensors.map { tensor in
      let component = tensor.name.prefix { $0 != "." }
      let rank = order[component] ?? order.count
      order[component] = rank
      return rank
    }
    let sorted = tensors.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    return MappedTensors(source, sorted.map { tensors[$0] }, sorted.map { places[$0] })
  }
}
