internal import Conversion
internal import KeyLayouts
internal import TensorCore

extension AdapterSummary {
  /// What it is and what it changes, how much, what it was trained for, and what of the file is no
  /// part of it: a line each.
  public var lines: [String] {
    [what, strength, purpose, rest].compactMap(\.self)
  }

  private var what: String {
    let file = adapter.file
    let naming = file.naming.map { " in \($0.title) names" } ?? ""
    let count = file.modules.count
    var parts = [
      AdapterForms(kinds: kinds).text,
      components.map { "\($0.name) \($0.modules.grouped)" }.joined(separator: ", "),
    ]
    if kernels > 0 { parts.append("\(kernels.grouped) of convolutions") }
    if decomposed > 0 { parts.append("\(decomposed.grouped) with magnitudes") }
    return "\(title)\(naming): \(count.grouped) module\(count == 1 ? "" : "s") "
      + "(\(parts.joined(separator: "; ")))"
  }

  private var strength: String? {
    var parts: [String] = []
    if let ranks { parts.append("rank \(Self.span(ranks) { "\($0)" })") }
    if let alphas {
      parts.append("alpha \(Self.span(alphas) { Int(exactly: $0).map(String.init) ?? "\($0)" })")
    }
    if withoutAlpha > 0 {
      parts.append("\(withoutAlpha.grouped) without alpha, which is the rank then")
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  private var purpose: String {
    origin.map { "trained for \($0.title) (\($0.evidence))" }
      ?? "trained for: neither a width nor a word tells"
  }

  private var rest: String? {
    let unknown = adapter.file.leftovers.filter { !$0.isKnown }
    guard let first = unknown.first else { return nil }
    return
      "\(unknown.count.grouped) \(unknown.count == 1 ? "tensor is" : "tensors are") no part of "
      + "it: first '\(adapter.file.tensors[first.index].name)', \(first.reason)"
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
