internal import Foundation
public import KeyLayouts

/// Which of a model's tensors a result is to hold.
public struct TensorSelection: Sendable, Hashable {
  /// The components; all of them when empty.
  public var components: [Component]
  /// Patterns of names, one of which a tensor must match; no condition when empty.
  public var included: [String]
  /// Patterns of names, none of which a tensor may match.
  public var excluded: [String]

  /// Selects everything, or less.
  ///
  /// Patterns are the shell's: `*` stands for any text, dots included, `?` for one character,
  /// `[0-9]` for one of several. A tensor matches by its name in the source, its canonical name
  /// (`unet.…`), or its name in the result.
  public init(components: [Component] = [], included: [String] = [], excluded: [String] = []) {
    self.components = components
    self.included = included
    self.excluded = excluded
  }

  /// Whether every tensor is wanted.
  public var isEverything: Bool { components.isEmpty && hasNoPatterns }

  var hasNoPatterns: Bool { included.isEmpty && excluded.isEmpty }

  /// Why a tensor with these names is left behind; `nil` when it is wanted.
  func refusal(of names: [String], component: Component?) -> String? {
    if !components.isEmpty, component.map(components.contains) != true {
      return "not one of the components asked for"
    }
    func matches(_ patterns: [String]) -> Bool {
      patterns.contains { pattern in names.contains { fnmatch(pattern, $0, 0) == 0 } }
    }
    if !included.isEmpty, !matches(included) { return "not included" }
    return matches(excluded) ? "excluded" : nil
  }

  /// The first pattern that none of these tensors matches.
  func unmatched(in names: [[String]]) -> String? {
    (included + excluded).first { pattern in
      !names.contains { $0.contains { fnmatch(pattern, $0, 0) == 0 } }
    }
  }
}
