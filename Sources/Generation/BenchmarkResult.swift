internal import Foundation
public import TensorCore

/// The times of one part of a benchmark.
public struct BenchmarkResult: Sendable, Hashable {
  /// What was evaluated.
  public let part: Benchmark.Part
  /// Seconds of each evaluation.
  public let seconds: [Double]
  /// The largest resident size of the process so far, in bytes; 0 where the system does not tell.
  public let peakBytes: Int
  /// How much of the resident size is mapped files, the weights above all.
  public let mappedBytes: Int

  /// Evaluates a part `count` times, after once to warm up: the first evaluation also reads the
  /// weights from the disk.
  ///
  /// - Throws: what `Benchmark.measure` throws.
  public init(_ part: Benchmark.Part, count: Int, with benchmark: Benchmark) throws {
    _ = try benchmark.measure(part)
    self.init(part, seconds: try (0..<count).map { _ in try benchmark.measure(part) })
  }

  /// Evaluates a part once, warm or not.
  ///
  /// - Throws: what `Benchmark.measure` throws.
  public init(once part: Benchmark.Part, with benchmark: Benchmark) throws {
    self.init(part, seconds: [try benchmark.measure(part)])
  }

  private init(_ part: Benchmark.Part, seconds: [Double]) {
    self.part = part
    self.seconds = seconds
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    func bytes(_ key: String) -> Int {
      let line = status?.split(separator: "\n").first { $0.hasPrefix(key) }
      return
        (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
        * 1024
    }
    peakBytes = bytes("VmHWM:")
    mappedBytes = bytes("RssFile:")
  }

  /// The middle one of the times; of an even number, the lower of the two.
  public var median: Double {
    seconds.isEmpty ? .nan : seconds.sorted()[(seconds.count - 1) / 2]
  }

  /// The result as an object: `{"part": …, "seconds": […], "median": …, …}`.
  public var json: JSON {
    [
      "part": .string(part.rawValue), "seconds": .array(seconds.map { .number($0) }),
      "median": .number(median), "peak_bytes": .integer(peakBytes),
      "mapped_bytes": .integer(mappedBytes),
    ]
  }
}
