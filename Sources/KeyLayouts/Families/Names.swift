/// Questions about a set of names.
struct Names: Sendable {
  let all: [String]
  private let set: Set<String>

  init(_ names: some Sequence<String>) {
    all = Array(names)
    set = Set(all)
  }

  func contains(_ name: String) -> Bool { set.contains(name) }

  /// Whether some name starts so.
  func hasPrefix(_ prefix: String) -> Bool { all.contains { $0.hasPrefix(prefix) } }

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

  /// How many numbered modules follow a prefix: one more than the highest number.
  func count(after prefix: String) -> Int {
    var highest = -1
    for name in all where name.hasPrefix(prefix) {
      let digits = name.dropFirst(prefix.count).prefix { $0 != "." }
      if let number = Int(digits), number < 1024 { highest = max(highest, number) }
    }
    return highest + 1
  }
}
