internal import TensorCore

/// The bytes of a pickle, read through a small window: what holds it can be a file of many
/// gigabytes, of which the pickle is the start.
struct PickleBytes: Sendable {
  /// What holds the pickle.
  let storage: ByteStorage
  /// Where in it the pickle may lie.
  let range: Range<Int>
  private var window: [UInt8] = []
  /// Where the window starts, counted from the start of `range`.
  private var windowStart = 0

  private static let windowSize = 1 << 16

  /// The most bytes that one line of a text opcode may have.
  static let lineLimit = 1 << 22

  init(_ storage: ByteStorage, in range: Range<Int>) {
    self.storage = storage
    self.range = range
  }

  /// How many bytes there are.
  var count: Int { range.count }

  /// The byte at a position below `count`.
  mutating func byte(at position: Int) -> UInt8 {
    let place = position - windowStart
    if place >= 0, place < window.count { return window[place] }
    fill(at: position)
    return window[0]
  }

  /// A run of bytes inside `0..<count`.
  mutating func bytes(in run: Range<Int>) -> ArraySlice<UInt8> {
    if run.lowerBound >= windowStart, run.upperBound <= windowStart + window.count {
      return window[run.lowerBound - windowStart..<run.upperBound - windowStart]
    }
    guard run.count <= Self.windowSize else {
      return storage.array(
        in: range.lowerBound + run.lowerBound..<range.lowerBound + run.upperBound)[...]
    }
    fill(at: run.lowerBound)
    return window[..<run.count]
  }

  /// Where the line that starts at `position` ends; `nil` when it does not end in reason.
  mutating func lineEnd(from position: Int) -> Int? {
    var start = position
    while start < count, start - position <= Self.lineLimit {
      _ = byte(at: start)
      let rest = window[(start - windowStart)...]
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) { return windowStart + end }
      start = windowStart + window.count
    }
    return nil
  }

  private mutating func fill(at position: Int) {
    let end = min(count, position + Self.windowSize)
    window = storage.array(in: range.lowerBound + position..<range.lowerBound + end)
    windowStart = position
  }
}
