internal import TensorCore

/// The options of a command line that were given, to tell those that mean nothing for a file.
struct GivenOptions {
  /// Their names, in the order of the help.
  let names: [String]

  /// Those that mean something where one tensor becomes one under another name, of a LoRA or a textual
  /// inversion.
  static let ofNamings = ["--dtype", "--rename", "--metadata", "--strict"]

  /// The names of those that were given.
  static func names(_ options: [(name: String, isGiven: Bool)]) -> [String] {
    options.filter(\.isGiven).map(\.name)
  }

  /// Why the options cannot be together; `nil` where every one means something.
  ///
  /// - Parameters:
  ///   - thing: what the file is: `a LoRA`.
  ///   - meaningful: the options that mean something for it.
  func problem(for thing: String, meaningful: [String]) -> String? {
    let idle = names.filter { !meaningful.contains($0) }
    guard let last = idle.last else { return nil }
    let list = idle.count == 1 ? last : idle.dropLast().joined(separator: ", ") + " or " + last
    return "\(list) cannot be asked for of \(thing), expected no more than "
      + meaningful.joined(separator: ", ")
  }
}
