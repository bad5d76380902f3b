/// Questions about a set of names.
struct Names: Sendable {
  let all: [String]
  private let set: Set<String>
  /// For each module, one more than the highest number among the modules directly below it.
  private let counts: [Substring: Int]

  /// Far beyond any real model: a few hostile names must not make millions of expected ones.
  private static let limit = 1024

  init(_ names: some Sequence<String>) {
    all = Array(names)
    set = Set(all)
    var counts: [Substring: Int] = [:]
    for name in all {
      var module = Substring(name)
      while let dot = module.lastIndex(of: ".") {
        let child = module[module.index(after: dot)...]
        module = module[..<dot]
        let number = Int(child).flatMap { $0 >= 0 && $0 < Self.limit ? $0 + 1 : nil } ?? 0
        counts[module, default: 0] = max(counts[module, default: 0], number)
      }
    }
    self.counts = counts
  }

  func contains(_ name: String) -> Bool { set.contains(name) }

  /// Whether some tensor lies below a module.
  func hasModule(_ module: String) -> Bool { counts[module[...]] != nil }

  /// How many numbered modules lie directly below a module: one more than the highest number.
  func count(below module: String) -> Int { counts[module[...]] ?? 0 }

  /// The first name with a part anywhere in it. Byte by byte: a model has thousands of names, and
  /// characters are slow to tell apart.
  func first(holding part: String) -> String? {
    let part = Array(part.utf8)
    return all.first { name in
      var name = name
      return name.withUTF8 { name in
        name.count >= part.count
          && (0...name.count - part.count).contains { start in
            part.indices.allSatisfy { name[start + $0] == part[$0] }
          }
      }
    }
  }
}
