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
