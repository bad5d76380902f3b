internal import Synchronization

/// Hands out 0, 1, 2, … to any number of threads.
final class Counter: Sendable {
  private let value = Atomic(0)

  /// The next number.
  func take() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}
