public import TensorCore

/// How many of an adapter's modules are of each form, as all reports on adapters show it.
public struct AdapterForms: Sendable, Hashable {
  /// The number of modules by form: LoRA, LoHa, norm.
  public let kinds: [String: Int]

  /// Takes the counts.
  public init(kinds: [String: Int]) { self.kinds = kinds }

  /// For people, the commonest first: `12 LoRA, 3 norm`.
  public var text: String {
    kinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value.grouped) \($0.key)" }.joined(separator: ", ")
  }

  /// For machines.
  public var json: JSON {
    .object(JSONObject(kinds.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) }))
  }
}
