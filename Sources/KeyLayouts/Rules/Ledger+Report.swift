public import TensorCore

extension Ledger {
  /// One line for people: `686 mapped, 13 ignored (12 schedule buffers, 1 …), 0 unexplained`.
  public var summary: String {
    let left = ignored.map { "\($0.count) \($0.reason)" }.joined(separator: ", ")
    let total = ignored.reduce(0) { $0 + $1.count }
    var parts = ["\(mappedCount) mapped", "\(total) ignored" + (left.isEmpty ? "" : " (\(left))")]
    parts.append("\(unexplained.count) unexplained")
    if !missing.isEmpty { parts.append("\(missing.count) missing") }
    if !misshapen.isEmpty { parts.append("\(misshapen.count) misshapen") }
    return parts.joined(separator: ", ")
  }

  /// The account for machines: counts, the ignored with their reasons, and every problem by name.
  public var json: JSONObject {
    [
      "mapped": .integer(mappedCount),
      "ignored": .object(JSONObject(ignored.map { ($0.reason, .integer($0.count)) })),
      "unexplained": .array(unexplained.map { .string($0) }),
      "missing": .array(
        missing.map { ["name": .string($0.name), "expected": Self.json($0.shape)] }),
      "misshapen": .array(
        misshapen.map {
          [
            "name": .string($0.found.name), "found": Self.json($0.found.shape),
            "expected": Self.json($0.expected),
          ]
        }),
    ]
  }

  private static func json(_ shape: TensorShape) -> JSON {
    .array(shape.dimensions.map { .integer($0) })
  }
}

extension Ledger.Entry {
  /// The tensor and what became of it, for machines: `source` is its name in the file, `renamed` the
  /// one that the user's own table gave it.
  public var json: JSON {
    var members: JSONObject = ["source": .string(nameBefore ?? source.name)]
    if nameBefore != nil { members["renamed"] = .string(source.name) }
    switch fate {
    case .mapped(let target):
      members["fate"] = "mapped"
      members["target"] = .string(target.name)
    case .split(let targets):
      members["fate"] = "split"
      members["targets"] = .array(targets.map { .string($0.name) })
    case .part(let target):
      members["fate"] = "part"
      members["target"] = .string(target.name)
    case .ignored(let reason):
      members["fate"] = "ignored"
      members["reason"] = .string(reason)
    case .unexplained: members["fate"] = "unexplained"
    }
    return .object(members)
  }

  /// The tensor's name in the file, with the one that the user's own table gave it.
  public var title: String {
    nameBefore.map { "\($0) = \(source.name)" } ?? source.name
  }

  /// What became of the tensor, for people.
  public var outcome: String {
    switch fate {
    case .mapped(let target): target.name
    case .split(let targets): "split: " + targets.map(\.name).joined(separator: ", ")
    case .part(let target): "part of " + target.name
    case .ignored(let reason): "ignored: " + reason
    case .unexplained: "unexplained"
    }
  }
}
