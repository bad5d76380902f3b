/// A function that ordinary checkpoints call with plain arguments, and that does harm with others.
/// It is judged by its calls, as long as the pickle does nothing with it but call it.
enum UseDependent: Sendable, Hashable {
  /// `type(x)`; with three arguments it makes a class.
  case type
  /// `getattr(Enumeration, "MEMBER")`.
  case attribute
  /// `operator.getitem(typing.List, int)`.
  case item
  /// `functools.reduce(operator.or_, (int, None))`.
  case reduce
  /// `functools.partial(torch.nn.LayerNorm)`, to which BUILD gives its arguments.
  case partial
  /// `torch.storage._load_from_bytes(b"…")`: a tensor pickled without `torch.save`.
  case loadFromBytes
  /// `fsspec.spec.make_instance(LocalFileSystem, (), {})`: Lightning's callbacks hold one.
  case makeInstance

  init?(_ subject: PickleTrace.Subject) {
    switch (subject.module, subject.name) {
    case ("builtins", "type"), ("__builtin__", "type"): self = .type
    case ("builtins", "getattr"), ("__builtin__", "getattr"): self = .attribute
    case ("operator", "getitem"), ("_operator", "getitem"): self = .item
    case ("functools", "reduce"), ("_functools", "reduce"), ("__builtin__", "reduce"):
      self = .reduce
    case ("functools", "partial"), ("_functools", "partial"): self = .partial
    case ("torch.storage", "_load_from_bytes"): self = .loadFromBytes
    case ("fsspec.spec", "make_instance"): self = .makeInstance
    default: return nil
    }
  }

  /// The verdict when the pickle does something else with the function than to call it.
  var elsewhere: GlobalJudgement {
    switch self {
    case .type, .item: GlobalJudgement(.suspicious, "unknown")
    case .attribute: GlobalJudgement(.dangerous, "reaches attributes by name")
    case .reduce, .partial, .makeInstance: GlobalJudgement(.dangerous, "calls what it is given")
    case .loadFromBytes: GlobalJudgement(.dangerous, "loads further pickles")
    }
  }
}

/// How often a function came onto the stack, how often it was called from there, and the worst of
/// the calls.
struct PickleUses: Sendable {
  var pushes = 0
  var calls = 0
  private(set) var worst = GlobalJudgement(.safe, "called with plain arguments")

  /// Whether some of them are not accounted for: they went into a container or an argument.
  var isElsewhere: Bool { pushes > calls }

  mutating func add(_ judgement: GlobalJudgement) {
    if judgement.verdict > worst.verdict { worst = judgement }
  }
}
