/// How far a class, a function, a pickle or a file can be trusted.
public enum SafetyVerdict: String, Sendable, Hashable, Comparable, CaseIterable {
  /// Known to make plain data only.
  case safe
  /// Unknown, or not to be looked into.
  case suspicious
  /// Runs code, or reaches the operating system, the network or other files.
  case dangerous

  private var rank: Int {
    switch self {
    case .safe: 0
    case .suspicious: 1
    case .dangerous: 2
    }
  }

  /// Orders verdicts from harmless to dangerous.
  public static func < (first: SafetyVerdict, second: SafetyVerdict) -> Bool {
    first.rank < second.rank
  }
}
