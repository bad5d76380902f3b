/// The names of an LDM U-Net's tensors without dots, as its trainer writes those of averages:
/// `input_blocks10in_layers2weight`.
package enum FlatName {
  /// Every word that such a name can have (`ldm/modules/diffusionmodules/openaimodel.py`,
  /// `ldm/modules/attention.py`), those first that begin with others.
  private static let words = [
    "input_blocks", "output_blocks", "middle_block", "time_embed", "label_emb", "in_layers",
    "out_layers", "emb_layers", "skip_connection", "transformer_blocks", "attn1", "attn2", "to_out",
    "to_q", "to_k", "to_v", "proj_out", "proj_in", "cond_proj", "norm1", "norm2", "norm3", "weight",
    "norm", "proj", "bias", "conv", "net", "out", "ff", "op",
  ]

  /// Modules whose items are lists themselves: the last digit is the place in the inner one, which
  /// never has more than four items.
  private static let nested: Set<String> = ["input_blocks", "output_blocks", "label_emb"]

  /// The name with its dots; `nil` for one that no such U-Net has.
  package static func dotted(_ name: String) -> String? {
    var parts: [String] = []
    var rest = name[...]
    while !rest.isEmpty {
      if let word = words.first(where: rest.hasPrefix) {
        parts.append(word)
        rest = rest.dropFirst(word.count)
        continue
      }
      let digits = rest.prefix { "0"..."9" ~= $0 }
      guard !digits.isEmpty, let module = parts.last else { return nil }
      rest = rest.dropFirst(digits.count)
      if nested.contains(module) {
        guard digits.count > 1 else { return nil }
        parts += [String(digits.dropLast()), String(digits.suffix(1))]
      } else {
        parts.append(String(digits))
      }
    }
    guard let last = parts.last, last == "weight" || last == "bias" else { return nil }
    return parts.joined(separator: ".")
  }
}
