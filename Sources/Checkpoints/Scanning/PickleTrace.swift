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
    /// An object is given an attribute that Python itself calls or obeys.
    case overrides(String)
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

  /// What offsets are counted from: where the bytes at hand start in the member or file.
  private let base: Int
  private(set) var entries: [Entry] = []
  private var places: [Key: Int] = [:]
  /// How many kinds of events were left out of `entries`.
  private(set) var leftOut = 0
  /// The first thing that Python would stop at, and where.
  private(set) var fault: (problem: PickleProblem, offset: Int)?
  /// How many kinds of events came before the fault.
  private(set) var entriesBeforeFault = 0
  /// The first call or import that is not plain data, and where.
  private(set) var unproved: (reason: String, offset: Int)?
  /// Byte strings that an imported function would unpickle again.
  private(set) var nested: [(data: PickleData, offset: Int)] = []
  private var nestedPlaces: Set<PickleData.Place> = []
  /// The classes whose initialisers get more than the one value of an enumeration's member.
  var initialised: Set<Subject> = []
  /// The functions that are judged by their calls.
  var uses: [Subject: PickleUses] = [:]
  /// The last two strings that the pickle pushed, for the names of a pickle that is out of step.
  private(set) var lastStrings: (String, String) = ("", "")
  /// Whether the stop opcode was reached.
  var isComplete = false
  /// Whether the bytes ended in the middle.
  var isCut = false

  /// The most kinds of events that are kept; real checkpoints have a few dozen.
  static let entryLimit = 20_000
  /// The most kinds of events beyond those that are judged.
  static let nameLimit = 100_000

  init(base: Int) { self.base = base }

  mutating func note(_ subject: Subject, _ action: Action, at opcode: Int) {
    let offset = base + opcode
    guard leftOut < Self.nameLimit else { return }
    // Names by their bytes: two spellings that look the same are two modules.
    let key = Key(
      module: subject.module.map { Array($0.utf8) }, name: Array(subject.name.utf8), action: action)
    if let place = places[key] {
      entries[place].count += 1
      return
    }
    guard entries.count < Self.entryLimit else {
      leftOut += 1
      // What is dangerous is not left out; as many names as that are an attack by themselves.
      if leftOut == Self.nameLimit {
        let flood = Subject(module: nil, name: "more than \(Self.nameLimit) names")
        entries.append(Entry(subject: flood, action: .imports, offset: offset))
      } else if leftOut < Self.nameLimit, judgement(of: subject).verdict == .dangerous {
        entries.append(Entry(subject: subject, action: action, offset: offset))
      }
      return
    }
    places[key] = entries.count
    entries.append(Entry(subject: subject, action: action, offset: offset))
  }

  mutating func note(fault problem: PickleProblem, at offset: Int) {
    guard fault == nil else { return }
    fault = (problem, base + offset)
    entriesBeforeFault = entries.count
  }

  mutating func note(unproved reason: String, at offset: Int) {
    if unproved == nil { unproved = (reason, base + offset) }
  }

  /// The same bytes are looked into once, however often they are loaded.
  mutating func note(nested data: PickleData, at offset: Int) {
    if nestedPlaces.insert(data.place).inserted { nested.append((data, base + offset)) }
  }

  /// The verdict on a class or function, by what the pickle does with it where that matters.
  func judgement(of subject: Subject) -> GlobalJudgement {
    guard let uses = uses[subject], let function = UseDependent(subject) else {
      let judgement = GlobalJudgement(subject)
      return judgement.verdict == .safe && initialised.contains(subject)
        ? GlobalJudgement(.suspicious, "made with arguments of the file's choice") : judgement
    }
    // Behind a fault, and before the end, the account is not whole.
    let isWhole = isComplete && fault == nil
    return isWhole && !uses.isElsewhere ? uses.worst : function.elsewhere
  }

  mutating func note(string: String) { lastStrings = (lastStrings.1, string) }
}
