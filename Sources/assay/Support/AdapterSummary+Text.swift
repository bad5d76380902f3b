internal import Conversion
internal import Inspection
internal import KeyLayouts
internal import TensorCore

extension AdapterSummary {
  /// Two or three lines for people: what it is, what it changes and how much, what it is for.
  var text: String {
    let file = adapter.file
    let count = file.modules.count
    let naming = file.naming.map { " in \($0.title) names" } ?? ""
    var text = "\(title)\(naming): \(Format.count(count)) module\(count == 1 ? "" : "s") ("
    text += AdapterForms(kinds: kinds).text
    text +=
      "; \(components.map { "\($0.name) \(Format.count($0.modules))" }.joined(separator: ", "))"
    if kernels > 0 { text += "; \(Format.count(kernels)) of convolutions" }
    if decomposed > 0 { text += "; \(Format.count(decomposed)) with magnitudes" }
    text += ")\n"
    var strengths: [String] = []
    if let ranks { strengths.append("rank \(Self.span(ranks) { "\($0)" })") }
    if let alphas {
      strengths.append("alpha \(Self.span(alphas) { Self.number($0) })")
    }
    if withoutAlpha > 0, ranks != nil {
      strengths.append("\(Format.count(withoutAlpha)) without alpha, which is the rank then")
    }
    if !strengths.isEmpty { text += strengths.joined(separator: ", ") + "\n" }
    text +=
      origin.map { "trained for \($0.title) (\($0.evidence.escapingControls))\n" }
      ?? "trained for: neither a width nor a word tells\n"
    let unknown = file.leftovers.filter { !$0.isKnown }
    if let first = unknown.first {
      text += "\(Format.count(unknown.count)) \(unknown.count == 1 ? "tensor is" : "tensors are") "
      text += "no part of it: first "
      text += "'\(file.tensors[first.index].name.escapingControls)', \(first.reason)\n"
    }
    return text
  }

  private static func number(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  /// One number, or the two ends of a range.
  private static func span<Number: Comparable>(
    _ range: ClosedRange<Number>, _ text: (Number) -> String
  ) -> String {
    range.lowerBound == range.upperBound
      ? text(range.lowerBound) : "\(text(range.lowerBound)) to \(text(range.upperBound))"
  }
}

extension AdapterNaming {
  /// Whose names they are.
  fileprivate var title: String {
    switch self {
    case .kohya: "kohya's"
    case .diffusers: "diffusers' earlier"
    case .peft: "PEFT's"
    }
  }
}
