internal import Dispatch
internal import Synchronization

/// A value that is made on another thread while this one goes on.
public final class Background<Value: Sendable>: Sendable {
  private let group = DispatchGroup()
  private let result = Mutex<Result<Value, any Error>?>(nil)

  /// Starts to make the value.
  public init(_ body: @escaping @Sendable () throws -> Value) {
    DispatchQueue.global(qos: .userInitiated).async(group: group) { [self] in
      let made = Result(catching: body)
      result.withLock { $0 = made }
    }
  }

  /// The value, waited for.
  ///
  /// - Throws: what making it threw.
  public var value: Value {
    get throws {
      group.wait()
      guard let made = result.withLock({ $0 }) else { preconditionFailure("made, but not there") }
      return try made.get()
    }
  }
}
