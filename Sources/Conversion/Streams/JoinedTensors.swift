internal import TensorCore

/// The tensors of two sources, one behind the other.
struct JoinedTensors: TensorSource {
  let tensors: [TensorDescription]
  private let first: any TensorSource
  private let second: any TensorSource

  init(_ first: any TensorSource, _ second: any TensorSource) {
    self.first = first
    self.second = second
    tensors = first.tensors + second.tensors
  }

  func tensor(at index: Int) throws -> TensorView {
    let count = first.tensors.count
    return try index < count ? first.tensor(at: index) : second.tensor(at: index - count)
  }
}
