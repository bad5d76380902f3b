internal import TensorCore

/// Questions about a set of names.
struct Names: Sendable {
  let all: [String]
  private let set: Set<String>
  /// For each module, one more than the highest number among the modules directly below it.
  private let counts: [Substring: Int]

  /// Far beyond any real model: a few hostile names must not make millions of expected ones.
  private static let limit = 1024
  /// Longer names are nobody's: taking them apart would take long.
  static let longest = 1024

  init(_ names: some Sequence<String>) {
    all = Array(names)
    set = Set(all)
    var counts: [Substring: Int] = [:]
    counts.reserveCapacity(all.count)
    for name in all where name.utf8.count <= Self.longest {
      var module = name[...]
      while let (parent, child) = module.lastStep {
        module = parent
        let number = child.isNumber ? Int(child).flatMap { $0 < Self.limit ? $0 + 1 : nil } ?? 0 : 0
        let known = counts[module]
        if known ?? -1 < number { counts[module] = number }
        // What is above a module was noted with the first name below it.
        if known != nil { break }
      }
    }
    self.counts = counts
  }

  func contains(_ name: String) -> Bool { set.contains(name) }

  /// Whether some tensor lies below a module.
  func hasModule(_ module: String) -> Bool { counts[module[...]] != nil }

  /// How many numbered modules lie directly below a module: one more than the highest number.
  func count(below module: String) -> Int { counts[module[...]] ?? 0 }

  /// The first name with a part anywhere in it.
  func first(holding part: String) -> String? {
    all.first { $0.holdsBytes(of: part) }
  }
}

extension String {
  /// Whether the bytes of a part stand anywhere in the text. A model has thousands of names, and
  /// characters are slow to tell apart.
  func holdsBytes(of part: String) -> Bool {
    var (text, part) = (self, part)
    return text.withUTF8 { text in
      part.withUTF8 { part in
        guard let first = part.first else { return true }
        var rest = text[...]
        while let place = rest.firstIndex(of: first), text.count - place >= part.count {
          if text[place..<place + part.count].elementsEqual(part) { return true }
          rest = text[(place + 1)...]
        }
        return false
      }
    }
  }
}
