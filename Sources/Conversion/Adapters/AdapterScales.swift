internal import KeyLayouts
internal import TensorCore

/// The ranks and alphas of an adapter as PEFT's configuration, which diffusers reads from the file's
/// metadata.
struct AdapterScales {
  /// One module's.
  struct Entry {
    /// Its canonical name.
    let module: String
    let rank: Int
    let alpha: Double
    /// Whether DoRA's magnitudes stand beside it.
    let isDecomposed: Bool
  }

  private let entries: [Entry]

  init(_ entries: [Entry]) { self.entries = entries }

  /// The entry `lora_adapter_metadata`; `nil` where every alpha is the rank, which is what readers
  /// take for granted.
  var metadata: String? {
    guard entries.contains(where: { $0.alpha != Double($0.rank) }) else { return nil }
    var components: [String] = []
    for entry in entries where !components.contains(Self.component(of: entry)) {
      components.append(Self.component(of: entry))
    }
    var fields: [(String, JSON)] = []
    for component in components {
      let own = entries.filter { Self.component(of: $0) == component }
      let (rank, alpha) = (Self.commonest(own.map(\.rank)), Self.commonest(own.map(\.alpha)))
      let values: KeyValuePairs<String, JSON> = [
        "peft_type": "LORA", "use_dora": .bool(own.contains(where: \.isDecomposed)),
        "r": .integer(rank), "lora_alpha": Self.number(alpha),
        "target_modules": .array(own.map { .string(Self.path(of: $0)) }),
        "rank_pattern": .object(
          JSONObject(
            own.filter { $0.rank != rank }.map { (Self.path(of: $0), .integer($0.rank)) })),
        "alpha_pattern": .object(
          JSONObject(
            own.filter { $0.alpha != alpha }.map { (Self.path(of: $0), Self.number($0.alpha)) })),
      ]
      fields += values.map { ("\(component).\($0.key)", $0.value) }
    }
    return JSON.object(JSONObject(fields)).text()
  }

  private static func component(of entry: Entry) -> String {
    String(entry.module.prefix { $0 != "." })
  }

  /// The path in the component. PEFT compares ends of names, so a text encoder's goes without the
  /// level that transformers 5 has given up.
  private static func path(of entry: Entry) -> String {
    let path = String(entry.module.drop { $0 != "." }.dropFirst())
    let level = "text_model."
    return entry.module.hasPrefix("text_encoder") && path.hasPrefix(level)
      ? String(path.dropFirst(level.count)) : path
  }

  private static func number(_ value: Double) -> JSON {
    Int(exactly: value).map { .integer($0) } ?? .number(value)
  }

  private static func commonest<Value: Hashable & Comparable>(_ values: [Value]) -> Value {
    let counts = Dictionary(grouping: values, by: { $0 }).mapValues(\.count)
    guard let best = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else {
      preconditionFailure("a component without modules")
    }
    return best.key
  }
}
