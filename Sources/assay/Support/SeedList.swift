internal import ArgumentParser

/// Seeds as the command line names them: `1024`, `1,2,5`, `10-17`.
struct SeedList: ExpressibleByArgument {
  /// The seeds, in the order given.
  let seeds: [UInt64]

  /// The most seeds that a list may name; more are a slip of the hand.
  private static let largestCount = 1000

  /// A list of one.
  init(_ seed: UInt64) { seeds = [seed] }

  /// Reads a list; `nil` when it is none.
  init?(argument: String) {
    var seeds: [UInt64] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
        first <= last, last - first < Self.largestCount
      else { return nil }
      seeds += first...last
    }
    guard seeds.count <= Self.largestCount else { return nil }
    self.seeds = seeds
  }

  var defaultValueDescription: String { seeds.map(String.init).joined(separator: ",") }
}
