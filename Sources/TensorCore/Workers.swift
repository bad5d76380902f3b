internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// Work spread over the processor's cores.
public enum Workers {
  /// The number of threads: the cores that the process may use, or the environment variable
  /// `ASSAY_THREADS`.
  public static let threads: Int = {
    if let value = unsafe getenv("ASSAY_THREADS"), let wanted = Int(unsafe String(cString: value)) {
      return max(1, min(wanted, 256))
    }
    return max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 256))
  }()

  private final class State: Sendable {
    let next = Atomic<Int>(0)
    let isStopped = Atomic<Bool>(false)
  }

  /// Calls `body` once for each of `0..<count`, on all threads, in order of the numbers as far as
  /// threads go; returns when all are done.
  ///
  /// - Parameter progress: called on the caller's thread after each call that was made on it.
  /// - Throws: the first error that the caller's thread meets, or else another's. No further calls
  ///   are begun then.
  public static func forEach(
    _ count: Int, progress: () throws -> Void = {}, _ body: @Sendable (Int) throws -> Void
  ) throws {
    let state = State()
    try withoutActuallyEscaping(body) { body in
      let helpers = (1..<max(1, min(threads, count))).map { _ in
        Background { try run(count, state, body) {} }
      }
      // All must be done before `body` goes, whatever happens here.
      let mine = Result { try run(count, state, body, then: progress) }
      let others = helpers.map { helper in Result { try helper.value } }
      for outcome in [mine] + others { try outcome.get() }
    }
  }

  private static func run(
    _ count: Int, _ state: State, _ body: (Int) throws -> Void, then progress: () throws -> Void
  ) throws {
    while !state.isStopped.load(ordering: .relaxed) {
      let index = state.next.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      do {
        try body(index)
        try progress()
      } catch {
        state.isStopped.store(true, ordering: .relaxed)
        throw error
      }
    }
  }
}
