internal import Foundation
internal import TensorCore

/// A user's own table of names: the first rule whose pattern matches the front of a name replaces
/// it, once. Whole components match, and `*` stands for one of them.
///
/// The JSON is an object from old to new: `{"net.blocks.*.attn": "unet.down_blocks.*.attentions"}`.
/// Each `*` on the right is what the one in the same place on the left stood for. An empty text on
/// the right takes the front away.
public struct RenameRules: Sendable, Hashable {
  private struct Rule: Sendable, Hashable {
    let source: [Substring]
    let target: [Substring]
  }

  private let rules: [Rule]

  /// Reads a table from a file.
  ///
  /// - Throws: `ConversionError` when it is no such object, or a rule has more `*` on the right than
  ///   on the left; `FileError` when it cannot be read.
  public init(file path: String) throws {
    let object = try JSONFile.object(at: path)
    guard !object.isEmpty else {
      throw ConversionError(path: path, problem: "expected an object from old names to new ones")
    }
    rules = try object.members.map { member in
      guard let target = member.value.stringValue, !member.key.isEmpty else {
        throw ConversionError(
          path: path,
          problem: "rule '\(member.key)' is \(member.value.text()), expected a name")
      }
      let rule = Rule(
        source: member.key.split(separator: ".", omittingEmptySubsequences: false),
        target: target.isEmpty ? [] : target.split(separator: ".", omittingEmptySubsequences: false)
      )
      guard rule.target.count(where: { $0 == "*" }) <= rule.source.count(where: { $0 == "*" })
      else {
        throw ConversionError(
          path: path, problem: "rule '\(member.key)' has fewer * than '\(target)'")
      }
      return rule
    }
  }

  /// The pattern of a rule, as the file has it.
  func pattern(of rule: Int) -> String { rules[rule].source.joined(separator: ".") }

  /// The number of rules.
  var count: Int { rules.count }

  /// The name by the first rule that matches, with that rule's place; itself when none does.
  func name(of name: String) -> (name: String, rule: Int?) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    for (number, rule) in rules.enumerated() where rule.source.count <= parts.count {
      var captured: [Substring] = []
      let matches = zip(rule.source, parts).allSatisfy { pattern, part in
        if pattern == "*" { captured.append(part) }
        return pattern == "*" || pattern == part
      }
      guard matches else { continue }
      var place = captured.makeIterator()
      let front = rule.target.map { $0 == "*" ? place.next() ?? $0 : $0 }
      let renamed = (front + parts.dropFirst(rule.source.count)).joined(separator: ".")
      return (renamed.isEmpty ? name : renamed, number)
    }
    return (name, nil)
  }
}

/// The tensors of a source under a user's names.
struct RenamedTensors: TensorSource {
  let tensors: [TensorDescription]
  /// The patterns of the rules that rename no tensor.
  let idlePatterns: [String]
  private let source: any TensorSource

  /// - Throws: `ConversionError` when two tensors would have one name.
  init(_ source: any TensorSource, by rules: RenameRules, path: String) throws(ConversionError) {
    self.source = source
    var first: [String: String] = [:]
    var used: Set<Int> = []
    var tensors = source.tensors
    for (place, tensor) in source.tensors.enumerated() {
      let (name, rule) = rules.name(of: tensor.name)
      if let rule { used.insert(rule) }
      if let other = first.updateValue(tensor.name, forKey: name) {
        throw ConversionError(
          path: path, problem: "the rules rename '\(other)' and '\(tensor.name)' both to '\(name)'")
      }
      tensors[place].name = name
    }
    self.tensors = tensors
    idlePatterns = (0..<rules.count).filter { !used.contains($0) }.map(rules.pattern)
  }

  func tensor(at index: Int) throws -> TensorView {
    try source.tensor(at: index).described(as: tensors[index])
  }
}
