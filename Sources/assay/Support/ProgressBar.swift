internal import Foundation
internal import Synchronization

/// A bar on the error stream for work that takes longer than a second; nothing where the stream is
/// no terminal.
final class ProgressBar: Sendable {
  private struct State {
    var isDrawn = false
    var lastDrawing = ContinuousClock.now
  }

  private let title: String
  private let isEnabled: Bool
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  private static let width = 30

  /// Starts a bar that appears after a second, unless `isQuiet`.
  init(_ title: String, isQuiet: Bool) {
    self.title = title
    isEnabled = !isQuiet && Console.showsProgress
  }

  deinit { finish() }

  /// Shows how much of the work is done.
  func update(done: Int, of total: Int) {
    guard isEnabled, total > 0 else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      let isDue = now - state.lastDrawing > .milliseconds(100) || done == total
      guard now - start > .seconds(1), isDue else { return }
      state.isDrawn = true
      state.lastDrawing = now
      let filled = min(Self.width, Self.width * done / total)
      let bar =
        String(repeating: "#", count: filled)
        + String(repeating: ".", count: Self.width - filled)
      let elapsed = (now - start) / .seconds(1)
      let left = Format.seconds(elapsed / Double(max(done, 1)) * Double(total - done))
      Console.draw("\r\u{1B}[K\(title) [\(bar)] \(done)/\(total), \(left) left")
    }
  }

  /// Removes the bar.
  func finish() {
    state.withLock { state in
      if state.isDrawn { Console.draw("\r\u{1B}[K") }
      state.isDrawn = false
    }
  }
}
