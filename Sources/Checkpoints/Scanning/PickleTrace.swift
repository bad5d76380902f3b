/// What a pickle would import and call, taken down in the order in which Python does it, at the
/// opcode that does it: an error that comes later undoes neither.
struct PickleTrace: Sendable {
  /// What is imported or called.
  struct Subject: Sendable, Hashable {
    /// The module; `nil` when its name is no constant of the pickle.
    let module: String?
    let name: String
  }

  /// What is done with it.
  enum Action: Sendable, Hashable {
    /// A class or function is looked up.
    case imports
    /// It is called with arguments.
    case calls(Opcode)
    /// What an earlier call of it returned is called, or given items or a state.
    case uses(Opcode)
    /// Attributes are set on the class, function or module itself.
    case changes(Opcode)
  }

  /// One kind of event, and how often it happens.
  struct Entry: Sendable {
    let subject: Subject
    let action: Action
    /// Where it happens first, in bytes from the start of what the pickle lies in.
    let offset: Int
    var count = 1
  }

  private struct Key: Hashable {
    let module: [UInt8]?
    let name: [UInt8]
    let action: Action
  }

  private(set) var entries: [Entry] = []
  private var places: [Key: Int] = [:]
  /// How many kinds of events were left out of `entries`.
  private(set) var leftOut = 0
  private var dangersLeftOut = 0
  /// The first thing that Python would stop at, and where.
  private(set) var fault: (problem: PickleProblem, offset: Int)?
  /// How many kinds of events came before the fault.
  private(set) var entriesBeforeFault = 0
  /// The first call or import that is not plain data, and where.
  private(set) var unproved: (reason: String, offset: Int)?
  /// Byte strings that an imported function would unpickle again.
  private(set) var nested: [(bytes: [UInt8], offset: Int)] = []
  /// The last two strings that the pickle pushed, for the names of a pickle that is out of step.
  private(set) var lastStrings: (String, String) = ("", "")
  /// Whether the stop opcode was reached.
  var isComplete = false

  /// The most kinds of events that are kept; real checkpoints have a few dozen.
  static let entryLimit = 20_000

  mutating func note(_ subject: Subject, _ action: Action, at offset: Int) {
    // Names by their bytes: two spellings that look the same are two modules.
    let key = Key(
      module: subject.module.map { Array($0.utf8) }, name: Array(subject.name.utf8), action: action)
    if let place = places[key] {
      entries[place].count += 1
      return
    }
    guard entries.count < Self.entryLimit else {
      leftOut += 1
      // What is dangerous is not left out, unless as many dangers are known already.
      if dangersLeftOut < Self.entryLimit, GlobalJudgement(subject).verdict == .dangerous {
        dangersLeftOut += 1
        entries.append(Entry(subject: subject, action: action, offset: offset))
      }
      return
    }
    places[key] = entries.count
    entries.append(Entry(subject: subject, action: action, offset: offset))
  }

  mutating func note(fault problem: PickleProblem, at offset: Int) {
    guard fault == nil else { return }
    fault = (problem, offset)
    entriesBeforeFault = entries.count
  }

  mutating func note(unproved reason: String, at offset: Int) {
    if unproved == nil { unproved = (reason, offset) }
  }

  mutating func note(nested bytes: [UInt8], at offset: Int) {
    if nested.count < 64 { nested.append((bytes, offset)) }
  }

  mutating func note(string: String) { lastStrings = (lastStrings.1, string) }
}
