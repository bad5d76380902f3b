internal import Dispatch
internal import Synchronization
internal import TensorCore

/// Gets the next tensor of a source ready on another thread while the one before is in use: a
/// zip's checksum takes as long as the copy, inflating longer.
final class ReadAhead {
  private let source: any TensorSource
  private let queue = DispatchQueue(label: "assay.read-ahead")
  private var next: (index: Int, slot: Slot)?

  /// One tensor to come. The queue writes it before `wait` returns, and nobody after that.
  private final class Slot: Sendable {
    private let group = DispatchGroup()
    private let result = Mutex<Result<TensorView, any Error>?>(nil)

    init(_ queue: DispatchQueue, _ body: @escaping @Sendable () throws -> TensorView) {
      queue.async(group: group) { [self] in
        let made = Result(catching: body)
        result.withLock { $0 = made }
      }
    }

    func wait() -> Result<TensorView, any Error>? {
      group.wait()
      return result.withLock { $0 }
    }
  }

  init(_ source: any TensorSource) { self.source = source }

  /// The tensor at an index of the source, which then begins with the one behind it.
  ///
  /// - Throws: what the source throws for this tensor.
  func tensor(at index: Int) throws -> TensorView {
    let slot = next?.index == index ? next?.slot : nil
    let view = try slot?.wait()?.get() ?? source.tensor(at: index)
    next = nil
    let following = index + 1
    if following < source.tensors.count {
      next = (following, Slot(queue) { [source] in try source.tensor(at: following) })
    }
    return view
  }
}
