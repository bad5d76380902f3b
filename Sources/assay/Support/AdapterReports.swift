internal import Conversion
internal import TensorCore

/// How many of an adapter's modules are of each form, as all reports on adapters show it.
struct AdapterForms {
  /// The number of modules by form: LoRA, LoHa, norm.
  let kinds: [String: Int]

  /// `12 LoRA, 3 norm`: the commonest first.
  var text: String {
    kinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\(Format.count($0.value)) \($0.key)" }.joined(separator: ", ")
  }

  var json: JSON {
    .object(JSONObject(kinds.sorted { $0.key < $1.key }.map { ($0, .integer($1)) }))
  }
}

extension AdapterOutcome.Leftover {
  var json: JSON { ["name": .string(name), "reason": .string(reason)] }
}

extension CastOverflow {
  var json: JSON { ["tensor": .string(tensor), "values": .integer(count)] }
}
