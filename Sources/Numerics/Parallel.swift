internal import Dispatch
internal import Foundation

/// Work spread over the processor's cores.
///
/// The library parallelises by itself, over blocks that fit a core's cache, so that everything
/// around a matrix product runs on all cores too; OpenBLAS stays on the caller's thread.
package enum Parallel {
  /// The number of threads: the cores, or the environment variable `ASSAY_THREADS`.
  package static let threads: Int = {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let wanted = ProcessInfo.processInfo.environment["ASSAY_THREADS"].flatMap(Int.init)
    return max(1, min(wanted ?? cores, 256))
  }()

  /// Calls `body` once for each of `0..<count`, on all threads; returns when all are done.
  package static func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    guard threads > 1, count > 1 else {
      for index in 0..<count { body(index) }
      return
    }
    let next = Counter()
    DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
      while case let index = next.take(), index < count { body(index) }
    }
  }

  /// Splits `0..<count` into ranges of at most `length` and calls `body` for each, on all threads.
  package static func forEachRange(
    of count: Int, length: Int, _ body: @Sendable (Range<Int>) -> Void
  ) {
    let length = max(length, 1)
    forEach((count + length - 1) / length) { index in
      body(index * length..<min((index + 1) * length, count))
    }
  }

  /// The length that gives each thread about `shares` ranges of `count`, rounded up to a multiple.
  package static func length(for count: Int, shares: Int = 4, multiple: Int = 1) -> Int {
    let even = (count + threads * shares - 1) / (threads * shares)
    return max((even + multiple - 1) / multiple * multiple, multiple)
  }
}
